"""Several worker processes under one command: Python uses one core per process."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path

from commands.processes import Child, ChildSpec, touched_file
from runtime.logs import get_logger
from runtime.process_environment import child_environment
from runtime.settings import Settings

_ROOT = Path(__file__).parents[1]
_WORKER = (sys.executable, "-P", "-m", "commands.cli", "worker")


async def run_worker_group(settings: Settings, queues: tuple[str, ...], *, processes: int) -> None:
    """Keep several workers on the same queues running until SIGTERM or SIGINT."""
    log = get_logger("commands.worker_group")
    stop = asyncio.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    with tempfile.TemporaryDirectory(prefix="carillon-workers-") as folder:
        ready_file = settings.ready_file or Path(folder) / "ready"
        children: list[Child] = []
        for number in range(1, processes + 1):
            # Each makes its own, so that "ready" is never one of several.
            own_file = ready_file.with_name(f"{ready_file.name}.{number}")
            spec = ChildSpec(
                name=f"worker-{number}",
                command=(*_WORKER, "--queues", ",".join(queues)),
                environment=child_environment(
                    PYTHONPATH=str(_ROOT), CARILLON_READY_FILE=str(own_file)
                ),
                ready_file=own_file,
                sign_of_life=touched_file(own_file),
                stop_seconds=settings.shutdown_seconds + 5.0,
            )
            child = Child(spec, say=log.warning)
            await child.start()
            child.settle()
            children.append(child)
        await stop.wait()
        await asyncio.gather(*(child.stop() for child in children))
