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

from runtime.dev.client import DevStack, read_dev_stack, stop_dev_stack, wait_for_dev_stack
from runtime.settings import child_environment

WORKERS = 2
_QUICK = {
    **dict.fromkeys(("API_PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT", "SMTP_PORT"), "0"),
    "WORKERS": str(WORKERS),
    "LOG_LEVEL": "warning",
    "SWEEP_SECONDS": "3",
    # The eight attempts of a delivery within 18 seconds instead of 30 minutes.
    "DELIVERY_RETRY_FACTOR": "0.01",
}
_SINK = "runtime.embedded.smtp_sink"


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
        """Return the present process id of `api`, `worker-1` …, `temporal`, `postgres`, `smtp`."""
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
        for child in psutil.Process(supervisor).children():
            with contextlib.suppress(psutil.Error):
                if _SINK in child.cmdline():
                    return child.pid
        return None


@contextlib.asynccontextmanager
async def fresh_product() -> AsyncIterator[Product]:
    """Lend a product that is stopped and wiped with the block; after an error its folder stays."""
    home = Path(tempfile.mkdtemp(prefix="carillon-chaos-"))
    quick = {f"CARILLON_{name}": value for name, value in _QUICK.items()}
    with (home / "supervisor.log").open("wb") as output:
        supervisor = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime.cli", "dev"),
            env=child_environment(CARILLON_HOME=str(home), **quick),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        described = await wait_for_dev_stack(home, seconds=120)
        yield Product(home, described)
        await stop_dev_stack(described)
    except BaseException:
        print(f"The data folder and its logs are kept in {home}")
        raise
    else:
        shutil.rmtree(home, ignore_errors=True)
    finally:
        if supervisor.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                supervisor.terminate()
        await supervisor.wait()
