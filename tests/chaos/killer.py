"""Kills parts of the product with SIGKILL and watches how they come back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import psycopg
from temporalio.client import Client

from commands.processes import is_alive
from tests.chaos.plan import PARTS, SUPERVISOR, Plan
from tests.chaos.stack import WORKERS, Product

_POLL_SECONDS = 0.05
# The dev server keeps its state in SQLite, where one interrupted statement (its client was killed)
# makes all others fail until the oldest one gives up by itself, which takes a minute.
_WATCH_SECONDS = 120.0
# The parts that everything hangs on get this long to work before they are killed again.
_BREATH_SECONDS = {"postgres": 6.0, "temporal": 6.0, SUPERVISOR: 20.0}
_WEIGHTS = {"api": 6, "worker": 8, "temporal": 4, "postgres": 4, "smtp": 2, SUPERVISOR: 2}


_BUSY = {"worker", "postgres", "temporal", SUPERVISOR}


@dataclass(slots=True)
class Kill:
    """One killed process; times are milliseconds.

    Attributes:
        at_ms: since the load began.
        at: epoch seconds.
        restarted_ms: until a new process was there.
        serving_ms: until it did its work again.
    """

    part: str
    pid: int
    at_ms: int
    at: float
    restarted_ms: int | None = None
    serving_ms: int | None = None


class Killer:
    """Kills at random moments; never a part that is still coming back.

    Args:
        product: the victim.
        plan: how often.
        crowd: asks for a large trigger, so that a kill finds its victim in the middle of work.
        say: takes one line for people.
    """

    def __init__(
        self, product: Product, plan: Plan, *, crowd: Callable[[], None], say: Callable[[str], None]
    ) -> None:
        self.kills: list[Kill] = []
        self._product = product
        self._plan = plan
        self._crowd = crowd
        self._crowds_left = plan.large_triggers
        self._say = say
        self._random = random.Random(f"kills {plan.seed}")
        self._began = time.monotonic()
        self._spared_until: dict[str, float] = {}

    async def run(self) -> None:
        """Kill as often as planned, and return when every part is back."""
        self._began = time.monotonic()
        first = self._random.sample(PARTS, len(PARTS))
        async with asyncio.TaskGroup() as watching:
            for number in range(self._plan.kills):
                kind = first[number] if number < len(first) else self._choose()
                self._gather_crowd(kind)
                await asyncio.sleep(self._random.uniform(*self._plan.pauses))
                kill = await self._kill(await self._victim(kind))
                watching.create_task(self._watch(kill))

    def _choose(self) -> str:
        kinds = [kind for kind in _WEIGHTS if self._is_fair(kind)]
        return self._random.choices(kinds, weights=[_WEIGHTS[kind] for kind in kinds])[0]

    def _gather_crowd(self, kind: str) -> None:
        """Spend the large triggers on parts that have much to lose; the last one is a worker's."""
        if kind in _BUSY and self._crowds_left > (kind != "worker"):
            self._crowds_left -= 1
            self._crowd()

    def _is_fair(self, kind: str) -> bool:
        if kind == SUPERVISOR and not self._plan.kill_supervisor:
            return False
        return kind == "worker" or time.monotonic() > self._spared_until.get(kind, 0.0)

    async def _victim(self, kind: str) -> str:
        """Name a part of a kind that may be killed now; wait for one when all come back."""
        names = [f"worker-{n + 1}" for n in range(WORKERS)] if kind == "worker" else [kind]
        while True:
            fair = [name for name in names if time.monotonic() > self._spared_until.get(name, 0.0)]
            if fair:
                return self._random.choice(fair)
            await asyncio.sleep(_POLL_SECONDS)

    async def _kill(self, part: str) -> Kill:
        pid = await self._present(part)
        self._spared_until[part] = float("inf")
        os.kill(pid, signal.SIGKILL)
        at_ms = round((time.monotonic() - self._began) * 1000)
        kill = Kill(part, pid, at_ms, time.time())
        self.kills.append(kill)
        self._say(f"t+{at_ms:>6} ms  killed {part} (process {pid})")
        return kill

    async def _present(self, part: str) -> int:
        """Return the process id of a part, which may be coming back just now."""
        async with asyncio.timeout(_WATCH_SECONDS):
            while (pid := self._product.pid_of(part)) is None or not is_alive(pid):
                await asyncio.sleep(_POLL_SECONDS)
        return pid

    async def _watch(self, kill: Kill) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(_WATCH_SECONDS):
                while (pid := self._product.pid_of(kill.part)) in (None, kill.pid):
                    await asyncio.sleep(_POLL_SECONDS)
                kill.restarted_ms = round((time.monotonic() - started) * 1000)
                while not await self._serves(kill.part):
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            self._say(f"{'':>12}  {kill.part} (process {kill.pid}) did not come back")
            return
        kill.serving_ms = round((time.monotonic() - started) * 1000)
        self._spared_until[kill.part] = time.monotonic() + _BREATH_SECONDS.get(kill.part, 0.0)
        self._say(f"{'':>12}  {kill.part} is back as {pid} and works after {kill.serving_ms} ms")

    async def _serves(self, part: str) -> bool:
        described = self._product.described
        if part == SUPERVISOR:  # it describes itself again only when every part works
            return True
        if part == "api":
            return await _answers(f"{described.api_url}/health")
        if part == "temporal":
            address = described.temporal_address
            return await _listens(address) and await _is_healthy(address)
        if part == "postgres":
            return await _accepts(described.database_url)
        if part == "smtp":
            return await _listens(described.smtp_address)
        return self._product.is_worker_ready(part)


async def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            return (await client.get(url)).is_success
    return False


async def _is_healthy(address: str) -> bool:
    try:
        client = await Client.connect(address)
        await client.count_workflows()
    except Exception:  # the client has no one error for "not there yet"
        return False
    return True


async def _accepts(url: str) -> bool:
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=2) as connection:
            await connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


async def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True
