"""`carillon dev` and `carillon reset`: the embedded stack in a terminal."""

from __future__ import annotations

import asyncio
import signal
import sys

from commands.dev.console import banner, follow_logs
from commands.dev.home import wipe_home
from commands.dev.parts import Programs
from commands.dev.stack import Stack
from commands.embedded.errors import EmbeddedError
from commands.seed.keys import SeedKeysError
from runtime.settings import Settings


def say(line: str) -> None:
    """Print one line at once, also into a pipe."""
    print(line, flush=True)


def complain(error: Exception) -> None:
    """Print what went wrong and what to do, on one line."""
    print(f"carillon: {error}", file=sys.stderr, flush=True)


def run_dev(settings: Settings, programs: Programs | None = None) -> int:
    """Run the embedded stack until Ctrl-C or SIGTERM, and return the exit code."""
    try:
        asyncio.run(_run(Stack(settings, programs=programs, say=say)))
    except (EmbeddedError, SeedKeysError, OSError) as error:  # OSError: a full disk, no permission
        complain(error)
        return 1
    except asyncio.CancelledError:
        say("Stopped before it was ready.")
        return 130
    return 0


def run_reset(settings: Settings) -> int:
    """Remove everything that the embedded stack keeps, and return the exit code."""
    try:
        wipe_home(settings.home)
    except EmbeddedError as error:
        complain(error)
        return 1
    say(f"All data of the stack in {settings.home.expanduser().absolute()} is deleted.")
    return 0


async def _run(stack: Stack) -> None:
    stop = asyncio.Event()
    starting = asyncio.create_task(stack.start())

    def on_signal() -> None:
        # The first stops in order, the second kills.
        if stop.is_set():
            stack.kill_all()
            return
        say("\nStopping …")
        stop.set()
        if not starting.done():
            starting.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    say("Starting PostgreSQL, Temporal, API and workers …")
    description = await starting
    say(banner(description))
    following = asyncio.create_task(follow_logs(stack.logs, say))
    await stop.wait()
    following.cancel()
    await stack.stop()
    say("Stopped. All data is kept; `make reset` wipes it.")
