"""What the part of each SDK is told, and how it says that it cannot run here."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.sdk.sdk_expected import EXPECTED_FAILURES
from tests.sdk.target import Target

# How much is shown of the end of what a tool says when it fails; a registry's answer can be long.
_SHOWN = 300


class Missing(Exception):
    """A tool or a package that a part needs is not to be had here; the message says which."""


@dataclass(frozen=True)
class Trial:
    """A run of one part.

    Attributes:
        target: the product, as it was filled; what a part changes is taken back after it.
        folder: an empty folder, for whatever the part fetches and builds.
        sources: a checkout of the SDK that is tried in the place of the published one.
        arguments: what the part hands on to the runner of its tests.
    """

    target: Target
    folder: Path
    sources: Path | None = None
    arguments: Sequence[str] = ()

    def facts(self) -> Path:
        """Write the file that tells the tests of an SDK which ids the product has chosen."""
        path = self.folder / "facts.json"
        path.write_text(json.dumps({"ids": self.target.ids}))
        return path


def find_tool(name: str) -> str:
    """Return the path of a command. Raises Missing."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"there is no `{name}` on PATH")
    return found


def needs_sources(trial: Trial, repository: str) -> Path:
    """Return the checkout of an SDK that no registry has with its tests. Raises Missing."""
    if trial.sources is None:
        raise Missing(f"no registry has its tests: name a checkout of {repository} by --sources")
    return trial.sources


async def fetch(command: Sequence[str | Path], folder: Path, what: str) -> str:
    """Run a command that brings something from a registry; return what it said. Raises Missing."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise Missing(f"{what} cannot be fetched: {said.decode().strip()[-_SHOWN:]}")
    return said.decode().strip()


async def run(command: Sequence[str | Path], folder: Path, more: Mapping[str, str]) -> int:
    """Run the tests of an SDK, with more variables in their environment; return the exit code."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, env={**os.environ, **more}
    )
    return await process.wait()


async def listen(command: Sequence[str | Path], folder: Path, more: Mapping[str, str]) -> str:
    """Run the tests of an SDK like `run`; return what they printed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, env={**os.environ, **more}, stdout=PIPE
    )
    said, _ = await process.communicate()
    return said.decode()


def judged(found: Mapping[str, bool], part: str) -> int:
    """Say which tests did not end as expected, and how many did; return 1 when there are any.

    Args:
        found: whether a test has passed, by its name.
        part: what is listed of it in `sdk_expected.py` has to fail. Nothing found is a failure.
    """
    expected = {
        name: reason
        for name in found
        for pattern, reason in EXPECTED_FAILURES[part].items()
        if re.search(pattern, name)
    }
    odd = [name for name, has_passed in found.items() if has_passed == (name in expected)]
    for name in odd:
        print(f"{name}: {'passed, and is listed to fail' if name in expected else 'failed'}")
    print(f"{len(found) - len(expected)} tests, and {len(expected)} that cannot pass", flush=True)
    return int(bool(odd) or not found)
