"""Child processes that are started again when they die and that never outlive their parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_LEASH = Path(__file__).with_name("leash.py")
_FIRST_DELAY_SECONDS = 0.1
_LONGEST_DELAY_SECONDS = 5.0
# Who lived this long is healthy: its next death is the first again.
_HEALTHY_SECONDS = 10.0
_LARGEST_LOG_BYTES = 10 * 1024 * 1024
# A process is hung when this many looks in a row found no sign of life. Looks are counted and not
# seconds, because a laptop that slept, or a supervisor that was stopped, has looked at nobody.
LOOK_SECONDS = 5.0
_LOOKS_TO_GIVE_UP = 6
# How long a hung process has to write down where it hangs.
_LAST_WORDS_SECONDS = 2.0

# Returns True when the process has shown a sign of life since the last look, or is not ready yet.
SignOfLife = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """How to run one child.

    Attributes:
        name: what people read, for example `worker-1`.
        command: program and arguments.
        environment: the whole environment.
        log: file that takes its output; None: our own output.
        account: operating-system user to run as; None: ours.
        folder: where it runs; None: where we do, or in `/` under another account.
        ready_file: removed before every start; the child makes it when it is ready.
        stop_signal: asks it to stop.
        stop_seconds: how long it may take before it is killed.
        death_signal: what the kernel sends it when we die (Linux).
        sign_of_life: asked again and again once it is ready; a hung process is ended, and started
            again like one that died.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path | None = None
    account: str | None = None
    folder: Path | None = None
    ready_file: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL
    sign_of_life: SignOfLife | None = None


async def spawn(spec: ChildSpec) -> Process:
    """Start a child on its leash, in a session of its own so that Ctrl-C reaches only us."""
    if spec.ready_file is not None:
        spec.ready_file.unlink(missing_ok=True)
    leash = (str(os.getpid()), str(int(spec.death_signal)), spec.account or "-")
    command = (sys.executable, "-I", "-S", str(_LEASH), *leash, *spec.command)
    output: int | None = None
    if spec.log is not None:
        # One that has grown large steps aside, so that it can be read.
        if spec.log.exists() and spec.log.stat().st_size > _LARGEST_LOG_BYTES:
            spec.log.replace(spec.log.with_name(f"{spec.log.name}.1"))
        output = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            env=dict(spec.environment),
            cwd=spec.folder or ("/" if spec.account else None),
            stdin=DEVNULL,
            stdout=output,
            stderr=None if output is None else STDOUT,
            start_new_session=True,
        )
    finally:
        if output is not None:
            os.close(output)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and was not yet collected does not count."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return True
    return state not in {"Z", "X"}


class Child:
    """One child process, started again with growing pauses for as long as it is wanted.

    Args:
        spec: how to run it.
        say: takes one line for people.
        on_restart: called after the process id changed.
    """

    def __init__(
        self,
        spec: ChildSpec,
        *,
        say: Callable[[str], None],
        on_restart: Callable[[], None] = lambda: None,
    ) -> None:
        self.spec = spec
        self.deaths = 0
        self._say = say
        self._on_restart = on_restart
        self._process: Process | None = None
        self._started_at = 0.0
        self._is_announced = False
        self._unwanted = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id of the latest start."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it, and from now on again after each death."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep_alive(), name=f"keep {self.spec.name}")

    def settle(self) -> None:
        """Note that it became ready: later deaths are told to people, and it must not hang."""
        self.deaths = 0
        self._is_announced = True
        if self.spec.sign_of_life is not None and self._watcher is None:
            watching = self._watch(self.spec.sign_of_life)
            self._watcher = asyncio.create_task(watching, name=f"watch {self.spec.name}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the running process, if there is one."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it for good: it is not started again."""
        self._unwanted.set()
        self.send(signal.SIGKILL)

    async def stop(self) -> None:
        """Ask it to stop, kill it when it takes too long, and return when it is gone."""
        self._unwanted.set()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._keeper is None:
            return
        self.send(self.spec.stop_signal)
        try:
            await asyncio.wait_for(asyncio.shield(self._keeper), self.spec.stop_seconds)
        except TimeoutError:
            seconds = self.spec.stop_seconds
            self._say(f"{self.spec.name} did not stop within {seconds:g} s; killing it")
            self.send(signal.SIGKILL)
            await self._keeper

    async def _spawn(self) -> None:
        self._started_at = asyncio.get_running_loop().time()
        self._process = await spawn(self.spec)

    async def _keep_alive(self) -> None:
        while self._process is not None:
            exit_code = await self._process.wait()
            if self._unwanted.is_set():
                return
            await self._bring_back(_describe_end(exit_code))
            if self._unwanted.is_set():
                self.send(self.spec.stop_signal)

    async def _bring_back(self, end: str) -> None:
        while True:
            lived = asyncio.get_running_loop().time() - self._started_at
            self.deaths = 1 if lived > _HEALTHY_SECONDS else self.deaths + 1
            pause = _FIRST_DELAY_SECONDS * 2.0 ** min(self.deaths - 1, 10)
            pause = min(pause, _LONGEST_DELAY_SECONDS)
            if self._is_announced:
                self._say(f"{self.spec.name} {end}; starting it again in {pause:g} s")
            try:
                await asyncio.wait_for(self._unwanted.wait(), pause)
            except TimeoutError:
                pass
            else:
                return
            try:
                await self._spawn()
            except OSError as error:
                end = f"cannot be started ({error})"
            else:
                self._on_restart()
                return

    async def _watch(self, sign_of_life: SignOfLife) -> None:
        missed, watched = 0, self.pid
        while True:
            is_alive, _ = await asyncio.gather(sign_of_life(), asyncio.sleep(LOOK_SECONDS))
            if is_alive or self.pid != watched:
                missed, watched = 0, self.pid
                continue
            missed += 1
            if missed >= _LOOKS_TO_GIVE_UP:
                missed = 0
                seconds = _LOOKS_TO_GIVE_UP * LOOK_SECONDS
                self._say(f"{self.spec.name} hangs: no sign of life for {seconds:g} s; killing it")
                self.send(signal.SIGABRT)
                await asyncio.sleep(_LAST_WORDS_SECONDS)
                if self.pid == watched:
                    self.send(signal.SIGKILL)


def _describe_end(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"


def touched_file(path: Path) -> SignOfLife:
    """Return the sign of life of a process that touches a file at least every few seconds."""
    seen: float | None = None

    async def was_touched() -> bool:
        nonlocal seen
        before = seen
        try:
            seen = path.stat().st_mtime  # noqa: ASYNC240 - one look at a local file
        except FileNotFoundError:
            seen = None
        return seen is None or seen != before  # None: not ready yet

    return was_touched
