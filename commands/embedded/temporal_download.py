"""The dev server as the Temporal SDK downloads it, without keeping the server it would start.

The SDK can only download and start in one call, so this module, run as a program of its own, lets
it start the binary with `--help`: the start fails at once, the binary stays.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from commands.embedded.tools import running

# Without a way out the attempt fails at once or hangs: no byte within this time ends it.
_STALLED_SECONDS = 12.0
_POLL_SECONDS = 0.25


async def download_temporal(folder: Path, *, say: Callable[[str], None]) -> Path | None:
    """Let the SDK download the dev server into a folder; None when there is no way out.

    Returns when the download has ended, or has made no progress for a while.

    Args:
        folder: the SDK's own cache; made when missing.
        say: takes progress lines for people.
    """
    folder.mkdir(parents=True, exist_ok=True)
    say("Looking for the Temporal dev server: trying the SDK's download.")
    # Our packages come from where this file is, whatever the current folder holds.
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); "
        f"from {__name__} import main; main(sys.argv[1])"
    )
    command = (sys.executable, "-P", "-c", program, str(folder))
    loop = asyncio.get_running_loop()
    async with running(*command, log=folder / "download.log") as process:
        size, changed_at = -1, loop.time()
        while process.returncode is None and loop.time() - changed_at < _STALLED_SECONDS:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _POLL_SECONDS)
            now = sum(path.stat().st_size for path in folder.glob("temporal-*"))
            if now != size:
                size, changed_at = now, loop.time()
    done = [path for path in folder.glob("temporal-*") if path.suffix != ".downloading"]
    return done[0] if done else None


def main(folder: str) -> None:
    """Download; runs in a process of its own because the SDK's call cannot be interrupted."""
    from temporalio.testing import WorkflowEnvironment

    async def download() -> None:
        with suppress(RuntimeError):
            await WorkflowEnvironment.start_local(
                download_dest_dir=folder,
                dev_server_extra_args=["--help"],
                dev_server_startup_timeout=timedelta(seconds=1),
            )

    asyncio.run(download())
