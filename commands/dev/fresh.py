"""A stack of its own in a folder of its own, for measurements and tests; both are wiped after."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from commands.dev.client import DevStack, DevStackError, stop_dev_stack, wait_for_dev_stack
from runtime.process_environment import child_environment

_FREE_PORTS = {
    "CARILLON_API_PORT": "0",
    "CARILLON_TEMPORAL_PORT": "0",
    "CARILLON_TEMPORAL_UI_PORT": "0",
    "CARILLON_SMTP_PORT": "0",
}
_START_SECONDS = 120.0
_PRINTED = "printed.txt"


@contextlib.asynccontextmanager
async def fresh_stack(*, workers: int, **settings: str) -> AsyncIterator[DevStack]:
    """Run `carillon dev` in a process and a folder of its own, and wipe the folder afterwards.

    Args:
        workers: worker processes.
        settings: further `CARILLON_*` variables, by name without the prefix.

    Raises:
        DevStackError: it did not become ready; the message ends with what it printed last.
    """
    home = Path(tempfile.mkdtemp(prefix="carillon-fresh-"))
    environment = child_environment(
        **_FREE_PORTS,
        CARILLON_HOME=str(home),
        CARILLON_WORKERS=str(workers),
        CARILLON_LOG_LEVEL="warning",
        **{f"CARILLON_{name.upper()}": value for name, value in settings.items()},
    )
    command = (sys.executable, "-m", "commands.cli", "dev")
    with (home / _PRINTED).open("wb") as printed:
        supervisor = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=printed, stderr=printed
        )
    try:
        # Wait for the stack, and no longer than its supervisor lives.
        ready = asyncio.create_task(wait_for_dev_stack(home, seconds=_START_SECONDS))
        ended = asyncio.create_task(supervisor.wait())
        await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ready, ended):
            task.cancel()
        if not ready.done() or ready.exception() is not None:
            said = (home / _PRINTED).read_text(errors="replace").strip().splitlines()[-1:]
            raise DevStackError(" ".join(["The stack did not become ready.", *said]))
        stack = ready.result()
        yield stack
        await stop_dev_stack(stack)
    finally:
        if supervisor.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                supervisor.terminate()
            await supervisor.wait()
        shutil.rmtree(home, ignore_errors=True)
