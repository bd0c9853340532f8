"""What the part of each SDK is told, and how it says that it cannot run here."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.sdk.target import Target

# Of what a tool says when it fails, the end; a registry's answer can be long.
_SHOWN = 300


class Missing(Exception):
    """A tool or a package that a part needs is not to be had here; the message says which."""


@dataclass(frozen=True)
class Trial:
    """A run of one part.

    Attributes:
        target: the product, as it was filled; what a part changes is taken back after it.
        url: its database.
        restoring: the statements that bring the database back.
        folder: an empty folder, for whatever the part fetches and builds.
        sources: a checkout of the SDK that is tried in the place of the published one.
        arguments: what the part hands on to the runner of its tests.
    """

    target: Target
    url: str
    restoring: Sequence[str]
    folder: Path
    sources: Path | None = None
    arguments: Sequence[str] = ()

    def facts(self) -> Path:
        """Write the file that tells the tests of an SDK which ids the product has chosen."""
        path = self.folder / "facts.json"
        path.write_text(
            json.dumps({"url": self.url, "restoring": list(self.restoring), "ids": self.target.ids})
        )
        return path


def find_tool(name: str) -> str:
    """Return the path of a command. Raises Missing."""
    found = shutil.which(name)
    if found is None:
        raise Missing(f"there is no `{name}` on PATH")
    return found


async def fetch(command: Sequence[str | Path], folder: Path, what: str) -> None:
    """Run a command that brings something from a registry. Raises Missing."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise Missing(f"{what} cannot be fetched: {said.decode().strip()[-_SHOWN:]}")


async def run(command: Sequence[str | Path], folder: Path, more: Mapping[str, str]) -> int:
    """Run the tests of an SDK, with more variables in their environment; return the exit code."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, env={**os.environ, **more}
    )
    return await process.wait()
