"""How the programs of embedded parts are tried and run, and how two stacks take turns."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

_SHORT_CALL_SECONDS = 20.0
_LOCK_POLL_SECONDS = 0.5


async def is_program(path: Path, *arguments: str) -> bool:
    """Tell whether a file runs with these arguments: it succeeds in time, and prints something."""
    if not (path.is_file() and os.access(path, os.X_OK)):
        return False
    try:
        process = await asyncio.create_subprocess_exec(
            str(path), *arguments, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
        )
    except OSError:
        return False
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _SHORT_CALL_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False
    return process.returncode == 0 and output != b""


@asynccontextmanager
async def running(
    *command: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> AsyncIterator[Process]:
    """Run a long command with its output in a file; end it and its children with the block.

    Args:
        command: program and arguments.
        log: the file that takes its output.
        environment: the whole environment; None: ours.
        folder: where it runs; None: where we do.
    """
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=None if environment is None else dict(environment),
            cwd=folder,
            stdin=DEVNULL,
            stdout=output,
            stderr=STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


@asynccontextmanager
async def locked(
    path: Path, *, waiting_for: str, say: Callable[[str], None]
) -> AsyncIterator[None]:
    """Hold a file lock; while another process holds it, wait and say so once."""
    with path.open("ab") as file:
        is_told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not is_told:
                    say(f"Another process is getting {waiting_for}; waiting for it.")
                    is_told = True
                await asyncio.sleep(_LOCK_POLL_SECONDS)
            else:
                break
        yield
