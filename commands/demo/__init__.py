"""`carillon demo`: sends real input through the running product and shows what came out.

The client is Knock's own Python SDK. Whatever does not happen in time ends the demo with one
sentence and a non-zero exit code.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import signal
import sys
from pathlib import Path

from commands.demo.stage import DemoFailed
from commands.dev.client import DevStack, DevStackError, read_dev_stack
from commands.dev.home import is_in_use
from commands.dev.stack import running_stack
from commands.embedded.errors import EmbeddedError
from commands.seed.keys import SeedKeysError
from runtime.settings import Settings

_POLL_SECONDS = 0.2

PARSER = argparse.ArgumentParser(prog="carillon demo", description=__doc__)
PARSER.add_argument(
    "--cli", action="store_true", help="change a message with Knock's CLI (needs Node.js)"
)


def main(settings: Settings, parsed: argparse.Namespace) -> int:
    """Play against the stack of `CARILLON_HOME`, or one of its own, and return the exit code."""
    if importlib.util.find_spec("knockapi") is None:
        return _complain("The demo needs Knock's SDK: install carillon[embedded].")
    try:
        asyncio.run(_play(settings, with_cli=parsed.cli))
    except (DemoFailed, DevStackError, EmbeddedError, SeedKeysError) as failure:
        return _complain(str(failure))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


def _complain(sentence: str) -> int:
    print(f"carillon demo: {sentence}", file=sys.stderr, flush=True)
    return 1


async def find_stack(home: Path) -> DevStack | None:
    """Return the stack that runs, once it is ready; None when there is none."""
    is_told = False
    while (found := read_dev_stack(home)) is None and is_in_use(home):
        if not is_told:
            print("A stack is starting; waiting for it …", flush=True)
            is_told = True
        await asyncio.sleep(_POLL_SECONDS)
    return found


async def _play(settings: Settings, *, with_cli: bool) -> None:
    """Play against the running stack; where none runs, start one and stop it afterwards."""
    # Here, so that an image without the SDK can say that it is missing.
    if with_cli:
        from commands.demo.knock_cli import play_cli as play
    else:
        from commands.demo.play import play

    found = await find_stack(settings.home.expanduser().absolute())
    if found is not None:
        await play(found)
        return
    # Stop in order when asked to; without this the children would be killed.
    playing = asyncio.current_task()
    if playing is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    print("No stack is running; starting one for the demo …", flush=True)
    async with running_stack(settings, say=lambda line: print(f"  {line}", flush=True)) as stack:
        await play(stack.description)
        print("\nStopping the stack. Its data is kept: `make dev` shows all of this again.")
