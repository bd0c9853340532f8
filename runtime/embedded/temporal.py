"""The official Temporal dev server: where its binary is found, and how it is started."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runtime.embedded.errors import EmbeddedError
from runtime.embedded.temporal_build import build_temporal
from runtime.embedded.temporal_download import download_temporal
from runtime.embedded.tools import is_program, locked, output_of

CLI_VERSION = "1.5.1"
# Safe against killed processes, not against power loss.
_PRAGMAS = ("journal_mode=wal", "synchronous=1")
_DYNAMIC_CONFIG = (
    # One process serves every partition, so several only cost hops.
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    "matching.useNewMatcher=true",
    # The stock 20 polls per second and shard make every hop wait up to 50 ms.
    "history.transferProcessorMaxPollRPS=100",
    "history.timerProcessorMaxPollRPS=100",
    "history.visibilityProcessorMaxPollRPS=100",
    # Stock limits protect a shared cluster; here they would only throttle one's own bursts.
    "frontend.rps=20000",
    "frontend.namespaceRPS=20000",
    "frontend.namespaceRPS.visibility=1000",
    "matching.rps=50000",
    "history.rps=50000",
    "limit.maxIDLength=255",
)
# The collector's stock pace costs a tenth of the throughput; memory is what a laptop has.
ENVIRONMENT = {"GOGC": "400"}


@dataclass(frozen=True, slots=True)
class TemporalPlace:
    """Where an embedded Temporal listens and keeps its state.

    Attributes:
        keywords: the search attributes that it registers.
    """

    database: Path
    namespace: str
    port: int
    ui_port: int
    keywords: tuple[str, ...]


def start_command(binary: Path, place: TemporalPlace) -> tuple[str, ...]:
    """Return the command that runs the dev server on loopback with its state in a file."""
    flags = [
        *("--ip", "127.0.0.1", "--port", str(place.port), "--ui-port", str(place.ui_port)),
        *("--db-filename", str(place.database), "--log-level", "error"),
    ]
    if place.namespace != "default":
        flags += ["--namespace", place.namespace]
    for pragma in _PRAGMAS:
        flags += ["--sqlite-pragma", pragma]
    for value in _DYNAMIC_CONFIG:
        flags += ["--dynamic-config-value", value]
    for name in place.keywords:
        flags += ["--search-attribute", f"{name}=Keyword"]
    return (str(binary), "server", "start-dev", *flags)


async def find_temporal(chosen: Path | None, cache: Path, *, say: Callable[[str], None]) -> Path:
    """Find the `temporal` binary, or get one into the cache.

    Tried in turn: the chosen file, `PATH` and Go's folder for programs, our cache, the SDK's own
    download, a build with Go (minutes, once).

    Args:
        chosen: `CARILLON_TEMPORAL_CLI`.
        cache: folder for what is built or downloaded.
        say: takes progress lines for people.

    Raises:
        EmbeddedError: nothing worked; the message names the choices.
    """
    if chosen is not None:
        return await _check_chosen(chosen)
    for candidate in [*await _installed(), *_kept(cache)]:
        if await is_program(candidate, "--version"):
            return candidate
    cache.mkdir(parents=True, exist_ok=True)
    async with locked(cache / "temporal-cli.lock", waiting_for="the Temporal binary", say=say):
        return await _obtain(cache, say)


async def _check_chosen(chosen: Path) -> Path:
    binary = chosen.expanduser().absolute()
    if await is_program(binary, "--version"):
        return binary
    raise EmbeddedError(f"CARILLON_TEMPORAL_CLI names {binary}, which is no `temporal` program.")


async def _installed() -> list[Path]:
    found = [Path(path)] if (path := shutil.which("temporal")) else []
    if (go := shutil.which("go")) is not None:
        folders = (await output_of(go, "env", "GOPATH")).split(os.pathsep)
        found += [Path(folder.strip()) / "bin" / "temporal" for folder in folders if folder.strip()]
    return found


def _kept(cache: Path) -> Iterator[Path]:
    yield _built(cache)
    for folder in (cache / "temporal-sdk", Path(tempfile.gettempdir())):
        for path in sorted(folder.glob("temporal-sdk-python-*"), reverse=True):
            # Anybody may write to the temporary folder; run only what is ours.
            if path.suffix != ".downloading" and path.lstat().st_uid == os.geteuid():
                yield path


def _built(cache: Path) -> Path:
    return cache / f"temporal-cli-{CLI_VERSION}" / "temporal"


async def _obtain(cache: Path, say: Callable[[str], None]) -> Path:
    for candidate in _kept(cache):  # another stack may have got it while we waited
        if await is_program(candidate, "--version"):
            return candidate
    downloaded = await download_temporal(cache / "temporal-sdk", say=say)
    if downloaded is not None and await is_program(downloaded, "--version"):
        return downloaded
    try:
        return await build_temporal(CLI_VERSION, _built(cache), say=say)
    except (EmbeddedError, OSError, asyncio.IncompleteReadError) as error:
        raise EmbeddedError(
            f"No Temporal server: {error} Choose one: put the `temporal` program on PATH; name it "
            "with CARILLON_TEMPORAL_CLI; let CARILLON_TEMPORAL_ADDRESS point at a running server; "
            "or install Go 1.25 or newer so that it can be built."
        ) from error
