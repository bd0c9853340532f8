"""Children: started again, stopped, and never left alone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from commands import processes
from commands.processes import Child, ChildSpec, is_alive, touched_file

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = "import time; time.sleep(300)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(300)"  # noqa: E501 - one program
PARENT = """
import asyncio, os, sys
from pathlib import Path
from commands.processes import ChildSpec, spawn
async def main():
    spec = ChildSpec(name="x", command=(sys.executable, "-c", "import time; time.sleep(300)"),
                     environment=os.environ)
    process = await spawn(spec)
    print(process.pid, flush=True)
    await process.wait()
asyncio.run(main())
"""


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for something that another process does."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


def spec(code: str, **changes: object) -> ChildSpec:
    """Describe a child that runs some Python."""
    values: dict[str, object] = {
        "name": "child",
        "command": (sys.executable, "-c", code),
        "environment": dict(os.environ),
        **changes,
    }
    return ChildSpec(**values)  # type: ignore[arg-type]


@pytest.fixture
async def lines() -> list[str]:
    """Collect what people would read."""
    return []


@pytest.fixture
async def child(lines: list[str]) -> AsyncIterator[Child]:
    """Run a child that sleeps."""
    child = Child(spec(SLEEPER), say=lines.append)
    await child.start()
    yield child
    await child.stop()


async def test_killed_child_comes_back(child: Child, lines: list[str]) -> None:
    """A ready child that is killed runs again under a new process id, and people are told why."""
    child.settle()
    first = child.pid
    child.send(signal.SIGKILL)
    await until(lambda: child.pid != first)
    assert child.pid is not None
    assert is_alive(child.pid)
    assert lines == ["child was ended by SIGKILL; starting it again in 0.1 s"]


async def test_stopped_child_stays_away(child: Child, lines: list[str]) -> None:
    """A child that was asked to stop is gone afterwards and is not started again."""
    pid = child.pid
    assert pid is not None
    await child.stop()
    assert not is_alive(pid)
    assert child.pid == pid
    assert lines == []


async def test_child_that_is_killed_for_good_stays_away(child: Child, lines: list[str]) -> None:
    """Whoever will not wait for an orderly stop is not told that it is started again."""
    child.settle()
    assert child.pid is not None
    child.kill()
    await child.stop()
    assert not is_alive(child.pid)
    assert lines == []


async def test_stubborn_child_is_killed(tmp_path: Path, lines: list[str]) -> None:
    """A child that ignores the request to stop is killed when its time is up."""
    log = tmp_path / "log"
    child = Child(spec(STUBBORN, log=log, stop_seconds=0.3), say=lines.append)
    await child.start()
    await until(lambda: log.exists() and log.read_text() == "on\n")
    await child.stop()
    assert child.pid is not None
    assert not is_alive(child.pid)
    assert lines == ["child did not stop within 0.3 s; killing it"]


async def test_failing_child_is_tried_with_growing_pauses(lines: list[str]) -> None:
    """A child that ends at once is tried again and again, each time after a longer pause."""
    child = Child(spec("raise SystemExit(3)"), say=lines.append)
    child.settle()
    await child.start()
    await until(lambda: len(lines) >= 3)
    await child.stop()
    pauses = [line.split(" in ")[1] for line in lines[:3]]
    assert pauses == ["0.1 s", "0.2 s", "0.4 s"]
    assert all("ended with code 3" in line for line in lines)


async def test_ready_file_is_cleared_before_each_start(tmp_path: Path) -> None:
    """A child is never taken for ready because an earlier one was."""
    ready = tmp_path / "ready"
    ready.touch()
    child = Child(spec(SLEEPER, ready_file=ready), say=print)
    await child.start()
    assert not ready.exists()
    await child.stop()


BEATING = """
import pathlib, sys, time
while True:
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(0.01)
"""


async def test_hung_child_is_started_again(
    tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that lives on without a sign of life is ended and comes back; people are told."""
    monkeypatch.setattr(processes, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(processes, "_LAST_WORDS_SECONDS", 0.2)
    ready = tmp_path / "ready"
    command = (sys.executable, "-c", BEATING, str(ready))
    alive = touched_file(ready)
    child = Child(spec("", command=command, ready_file=ready, sign_of_life=alive), say=lines.append)
    await child.start()
    await until(ready.exists)
    child.settle()
    first = child.pid
    child.send(signal.SIGSTOP)
    await until(lambda: child.pid != first and ready.exists())
    await child.stop()
    assert lines[0] == "child hangs: no sign of life for 1.2 s; killing it"
    assert lines[1].startswith("child was ended by SIG")
    assert len(lines) == 2


async def test_child_that_is_not_ready_is_left_alone(tmp_path: Path) -> None:
    """Who has not begun to work yet cannot hang: a worker may wait for Temporal for hours."""
    alive = touched_file(tmp_path / "absent")
    assert [await alive(), await alive()] == [True, True]


async def test_large_log_is_kept_aside(tmp_path: Path) -> None:
    """What a part wrote before it died can still be read after it was started again."""
    log = tmp_path / "child.log"
    log.write_bytes(b"evidence\n" + bytes(11 * 1024 * 1024))
    child = Child(spec("print('on', flush=True); import time; time.sleep(300)", log=log), say=print)
    await child.start()
    await until(lambda: log.read_text() == "on\n")
    await child.stop()
    assert (tmp_path / "child.log.1").read_bytes().startswith(b"evidence\n")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal exists on Linux only")
async def test_no_child_outlives_a_killed_parent() -> None:
    """When a parent is killed with SIGKILL its children end, too."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], env=environment, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        orphan = int(parent.stdout.readline())
        assert is_alive(orphan)
        parent.kill()
    await until(lambda: not is_alive(orphan))
