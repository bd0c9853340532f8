"""The native threads of Temporal's SDK end before the interpreter does."""

from __future__ import annotations

import subprocess
import sys

from tests.support.postgres import ROOT

# The thread that hands an answer over stays behind, as on a busy machine.
_PROGRAM = """
import asyncio, atexit, pathlib, time

def tell():
    names = [each.read_text() for each in pathlib.Path("/proc/self/task").glob("*/comm")]
    print(sum("tokio" in name for name in names), "native threads")

atexit.register(tell)  # so it comes after what is registered from here on
from runtime.settings import Settings
from runtime.temporal import connect

class SlowLoop(asyncio.SelectorEventLoop):
    def call_soon_threadsafe(self, *arguments, **options):
        handle = super().call_soon_threadsafe(*arguments, **options)
        time.sleep(0.5)
        return handle

async def call():
    try:
        await connect(Settings(temporal_address="127.0.0.1:1"), lazy=False, identity="test")
    except RuntimeError as error:
        print(str(error).partition(":")[0])

with asyncio.Runner(loop_factory=SlowLoop) as runner:
    runner.run(call())
"""


def test_a_thread_that_comes_back_late_does_not_abort_the_process() -> None:
    """A command that ends right after an answer ends with its own exit code."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["Failed client connect", "0 native threads"]
