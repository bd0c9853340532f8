"""Several worker processes under one command: Python uses one core per process."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from commands.processes import Child, ChildSpec, touched_file
from runtime.logs import configure_logs, get_logger
from runtime.settings import Settings, child_environment

_ROOT = Path(__file__).parents[1]


def run_worker_group(settings: Settings, queues: tuple[str, ...], *, processes: int) -> None:
    """Keep several workers on the same queues running until SIGTERM or SIGINT."""
    configure_logs(settings, process="workers")
    asyncio.run(_run(settings, queues, processes))


async def _run(settings: Settings, queues: tuple[str, ...], processes: int) -> None:
    log = get_logger("commands.worker_group")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with tempfile.TemporaryDirectory(prefix="carillon-workers-") as folder:
        ready_file = settings.ready_file or Path(folder) / "ready"
        specs = [_spec(settings, queues, ready_file, number + 1) for number in range(processes)]
        children = [Child(spec, say=log.warning) for spec in specs]
        for child in children:
            await child.start()
            child.settle()
        await stop.wait()
        await asyncio.gather(*(child.stop() for child in children))


def _spec(settings: Settings, queues: tuple[str, ...], ready_file: Path, number: int) -> ChildSpec:
    program = (sys.executable, "-P", "-m", "commands.cli", "worker", "--queues", ",".join(queues))
    # Each makes its own, so that "ready" is never one of several.
    own_file = ready_file.with_name(f"{ready_file.name}.{number}")
    return ChildSpec(
        name=f"worker-{number}",
        command=program,
        environment=child_environment(PYTHONPATH=str(_ROOT), CARILLON_READY_FILE=str(own_file)),
        ready_file=own_file,
        sign_of_life=touched_file(own_file),
        stop_seconds=settings.shutdown_seconds + 5.0,
    )
