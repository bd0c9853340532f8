"""A fresh product for one crash test: `carillon dev` in a folder of its own, on free ports."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from commands.dev.client import DevStack, read_dev_stack, wait_for_dev_stack
from commands.dev.ports import free_port
from runtime.process_environment import child_environment

WORKERS = 2
_PORTS = ("API", "TEMPORAL", "TEMPORAL_UI", "SMTP")
_QUICK = {
    "WORKERS": str(WORKERS),
    "LOG_LEVEL": "warning",
    "SWEEP_SECONDS": "3",
    # Runs that Temporal lost or somebody ended are looked for while the test still waits.
    "CONFIRM_SECONDS": "20",
    # The eight attempts of a delivery within 18 seconds instead of 30 minutes.
    "DELIVERY_RETRY_FACTOR": "0.01",
    # Slow servers of the test's own are on loopback.
    "ALLOW_PRIVATE_EGRESS": "true",
}
_SINK = "commands.embedded.smtp_sink"


@dataclass(frozen=True, slots=True)
class Product:
    """The running product, described by its own `dev.json`.

    Attributes:
        home: its data folder.
        described: as it was when it became ready; addresses and keys stay, process ids change.
    """

    home: Path
    described: DevStack

    def pid_of(self, part: str) -> int | None:
        """Return the present process id of a part, or None while there is none.

        Args:
            part: `api`, `worker-1` …, `temporal`, `postgres`, `smtp` or `supervisor`.
        """
        stack = read_dev_stack(self.home)
        if stack is None:
            return None
        if part == "smtp":
            return self._sink_pid(stack.pids.supervisor)
        if part.startswith("worker-"):
            return stack.pids.workers[int(part.removeprefix("worker-")) - 1]
        pid: int | None = getattr(stack.pids, part)
        return pid

    def is_worker_ready(self, part: str) -> bool:
        """Tell whether a worker has said that it polls; a new start takes the word back first."""
        return (self.home / "run" / f"{part}.ready").exists()

    def _sink_pid(self, supervisor: int) -> int | None:
        """The sink is no part of `dev.json`, so it is found among the supervisor's children."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(supervisor).children():
                if _SINK in child.cmdline():
                    return child.pid
        return None


class _Supervisor:
    """Runs `carillon dev`, and again on the same folder and ports when somebody kills it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        ports = {f"{name}_PORT": str(free_port()) for name in _PORTS}
        chosen = {f"CARILLON_{name}": value for name, value in {**_QUICK, **ports}.items()}
        self._environment = child_environment(CARILLON_HOME=str(home), **chosen)

    async def keep_running(self) -> None:
        """Run it until this task is cancelled; then stop it in order."""
        while True:
            process = await self._spawn()
            try:
                await process.wait()
            except asyncio.CancelledError:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()
                raise

    async def _spawn(self) -> asyncio.subprocess.Process:
        with (self._home / "supervisor.log").open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "commands.cli", "dev"),
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )


@contextlib.asynccontextmanager
async def fresh_product() -> AsyncIterator[Product]:
    """Lend a product that is stopped and wiped with the block; after an error its folder stays."""
    home = Path(tempfile.mkdtemp(prefix="carillon-chaos-"))
    keeping = asyncio.create_task(_Supervisor(home).keep_running())
    try:
        yield Product(home, await wait_for_dev_stack(home, seconds=120))
    except BaseException:
        print(f"The data folder and its logs are kept in {home}")
        await _stopped(keeping)
        raise
    await _stopped(keeping)
    shutil.rmtree(home, ignore_errors=True)


async def _stopped(keeping: asyncio.Task[None]) -> None:
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping
