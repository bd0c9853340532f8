"""What one process sends at the same time, and to whom it stops sending for a while.

A server that takes a minute for each answer must not take every slot of its queue: no server has
more than a quarter of a queue's deliveries under way, no channel more than four fifths. A delivery
over a limit waits a moment while the server keeps up, and is given back while it does not. A
server that gives no answer several times in a row gets nothing but a probe now and then.

A delivery that is given back uses up no attempt. The breaker holds nothing back that has waited
for half an hour, the time of eight attempts: then it takes its turn, a few at a time, so that a
server that stays away ends in `undelivered` and not in an endless queue.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from runtime.logs import get_logger
from services.attempts import Held

_log = get_logger(__name__)

_SERVER_SHARE, _CHANNEL_SHARE = 0.25, 0.8
# Deliveries with large files, each of which is in memory several times while it is sent.
_LARGE_PLACES = 4
# A server over its limit is waited for while it ends calls this often, and for this long at most.
_STALLED_SECONDS = 1.0
_LONGEST_QUEUE_SECONDS = 5.0
_BUSY_SECONDS = (3.0, 60.0)
# Calls without an answer in a row that open the breaker, and how long it stays open.
_FAILURES = 5
_OPEN_SECONDS = (10.0, 60.0)
_LONGEST_HOLD_SECONDS = 300.0
# What has waited for this long is not held back any more.
_PATIENCE_SECONDS = 1_800.0
_REMEMBERED = 1_000


@dataclass(slots=True)
class _Gate:
    """A number of places; `moved` is the loop time at which one was last left."""

    places: int
    moved: float
    slots: asyncio.Semaphore = field(init=False)
    inside: int = 0
    waiting: int = 0

    def __post_init__(self) -> None:
        self.slots = asyncio.Semaphore(self.places)

    async def enter(self) -> bool:
        """Take a place; wait for one while places keep being left. Returns whether it came."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _LONGEST_QUEUE_SECONDS
        self.waiting += 1
        try:
            while True:
                if self.slots.locked() and loop.time() - self.moved > _STALLED_SECONDS:
                    return False
                try:
                    async with asyncio.timeout(_STALLED_SECONDS):
                        await self.slots.acquire()
                except TimeoutError:
                    if loop.time() > deadline:
                        return False
                    continue
                if not self.inside:
                    self.moved = loop.time()
                self.inside += 1
                return True
        finally:
            self.waiting -= 1

    def leave(self) -> None:
        """Give a place back."""
        self.inside -= 1
        self.moved = asyncio.get_running_loop().time()
        self.slots.release()


@dataclass(slots=True)
class _Breaker:
    """Counts calls without an answer; open from the fifth in a row until a probe is answered."""

    server: str
    failures: int = 0
    openings: int = 0
    probe_at: float = 0.0
    probing: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether the server is left alone."""
        return self.openings > 0

    def answered(self) -> None:
        """Note that the server spoke, whatever it said."""
        if self.is_open:
            _log.info("deliveries_resumed", server=self.server)
        self.failures = self.openings = 0

    def unanswered(self, *, probe: bool) -> None:
        """Note that it did not; calls that were under way when the breaker opened count no more."""
        self.failures += 1
        if not probe and (self.is_open or self.failures < _FAILURES):
            return
        if not self.is_open:
            _log.warning("deliveries_held", server=self.server, unanswered=self.failures)
        least, most = _OPEN_SECONDS
        wait = min(least * 2**self.openings, most)
        self.openings = min(self.openings + 1, 10)
        self.probe_at = asyncio.get_running_loop().time() + wait


class Call:
    """One admitted delivery; whoever makes it says whether the server answered."""

    def __init__(self, breaker: _Breaker, *, probe: bool) -> None:
        self._breaker = breaker
        self._probe = probe

    def answered(self) -> None:
        """Note an answer, a refusal included."""
        self._breaker.answered()

    def unanswered(self) -> None:
        """Note a time-out, or a connection that failed."""
        self._breaker.unanswered(probe=self._probe)


class DeliveryLimits:
    """The limits of one process.

    Args:
        slots: deliveries at once, per queue.
    """

    def __init__(self, slots: int) -> None:
        self._server_places = max(1, round(slots * _SERVER_SHARE))
        self._channel_places = max(1, round(slots * _CHANNEL_SHARE))
        self._gates: dict[str, _Gate] = {}
        self._breakers: dict[str, _Breaker] = {}

    @asynccontextmanager
    async def admitted(
        self, server: str, channel: str, *, age: float, is_large: bool = False
    ) -> AsyncIterator[Call]:
        """Hold a place at a server and a channel while the block runs.

        Args:
            server: what the calls have in common that hang together, such as a host.
            channel: the channel's id.
            age: seconds since the delivery could first have been made.
            is_large: whether it takes much memory, of which a process has some for a few.

        Raises:
            Held: there is no place, or the server is left alone.
        """
        self._forget_idle()
        breaker = self._breakers.setdefault(server, _Breaker(server))
        server_gate = self._gate(f"server {server}", self._server_places)
        gates: dict[str, _Gate] = {}
        if is_large:
            # First: whoever waits for it is not to keep a server from the others.
            gates["large files in this worker"] = self._gate("large", _LARGE_PLACES)
        gates[server] = server_gate
        gates["the channel"] = self._gate(f"channel {channel}", self._channel_places)
        probe = self._ask(breaker, server_gate, age)
        entered: list[_Gate] = []
        try:
            for name, gate in gates.items():
                if not await gate.enter():
                    least, most = _BUSY_SECONDS
                    wait = random.uniform(least, min(max(age / 4, 2 * least), most))  # noqa: S311
                    reached = f"the limit of concurrent deliveries is reached: {name}"
                    raise Held(reached, after=wait)
                entered.append(gate)
            yield Call(breaker, probe=probe)
        finally:
            for gate in entered:
                gate.leave()
            if probe:
                breaker.probing = False

    def _ask(self, breaker: _Breaker, gate: _Gate, age: float) -> bool:
        """Ask the breaker. Returns whether the delivery is its probe. Raises Held."""
        if not breaker.is_open:
            return False
        rest = breaker.probe_at - asyncio.get_running_loop().time()
        if rest <= 0 and not breaker.probing:
            breaker.probing = True
            return True
        few = max(1, gate.places // 4)
        if age >= _PATIENCE_SECONDS and gate.inside + gate.waiting < few:
            return False
        wait = max(rest, min(age / 4, _LONGEST_HOLD_SECONDS), 1.0)
        raise Held(
            f"{breaker.server} does not answer",
            after=wait * random.uniform(1.0, 1.5),  # noqa: S311 - spreads load, guards nothing
        )

    def _gate(self, name: str, places: int) -> _Gate:
        if name not in self._gates:
            self._gates[name] = _Gate(places, asyncio.get_running_loop().time())
        return self._gates[name]

    def _forget_idle(self) -> None:
        """A template may make up a host for every message: remember those that matter."""
        if len(self._breakers) <= _REMEMBERED:
            return
        self._gates = {k: gate for k, gate in self._gates.items() if gate.inside or gate.waiting}
        self._breakers = {
            k: breaker
            for k, breaker in self._breakers.items()
            if breaker.is_open or f"server {k}" in self._gates
        }
