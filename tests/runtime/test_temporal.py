"""What clients and workers of a process share: conversions, and the SDK's native threads."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from runtime.temporal import DATA_CONVERTER, PayloadConverter
from tests.support.postgres import ROOT

_JSON = b"json/plain"
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


@dataclass(frozen=True, slots=True)
class _Order:
    run_id: str
    turns: tuple[int, ...]


def test_a_workflow_builds_no_type_adapters_of_its_own() -> None:
    """A worker makes a converter for each workflow; what one has built, the next one uses."""
    first, second = PayloadConverter(), PayloadConverter()
    assert first.converters[_JSON] is second.converters[_JSON]


def test_a_dataclass_comes_back_as_it_went() -> None:
    """Tuples stay tuples, and the JSON is that of any other SDK."""
    converter = DATA_CONVERTER.payload_converter
    (payload,) = converter.to_payloads([_Order("1", (2, 3))])
    assert payload.metadata["encoding"] == _JSON
    assert payload.data == b'{"run_id":"1","turns":[2,3]}'
    assert converter.from_payloads([payload], [_Order]) == [_Order("1", (2, 3))]


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
