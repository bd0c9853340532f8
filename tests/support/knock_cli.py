"""Knock's official CLI on a served account, as somebody runs it who has checked content out."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runtime.process_environment import child_environment
from tests.support.node import NodePackages


class KnockCli:
    """Runs the CLI in a folder of its own.

    Args:
        packages: where it is installed.
        address: of the product.
        token: a service token.
        folder: where it works, and keeps its own settings and temporary files: it keeps what it
            writes over in a temporary folder of a fixed name, which two that run at the same time
            would empty for each other.
    """

    def __init__(self, packages: NodePackages, address: str, token: str, folder: Path) -> None:
        self.folder = folder
        self._packages = packages
        self._address = address
        temporary = folder / ".tmp"
        temporary.mkdir(exist_ok=True)
        self._environment = child_environment(
            HOME=str(folder),
            XDG_CONFIG_HOME=str(folder / ".config"),
            TMPDIR=str(temporary),
            KNOCK_SERVICE_TOKEN=token,
        )

    async def __call__(self, *words: str) -> str:
        """Run a command, which has to succeed, and return what it prints."""
        status, said = await self.run(*words)
        assert status == 0, f"knock {' '.join(words)}: {said}"
        return said

    async def run(self, *words: str) -> tuple[int | None, str]:
        """Run a command; return its status and all that it prints."""
        process = await asyncio.create_subprocess_exec(
            *self._packages.command("knock"), *words, "--api-origin", self._address,
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode, said.decode(errors="replace")
