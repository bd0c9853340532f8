"""Packages of Node.js that tests run: Knock's own, fetched from the registry at test time."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

# The versions that the tests were written for.
PACKAGES = ("@knocklabs/cli@1.1.2", "@knocklabs/mgmt@0.25.0")
_FETCH_SECONDS = 300


@dataclass(frozen=True, slots=True)
class NodePackages:
    """A folder in which packages are installed."""

    folder: Path

    def command(self, name: str) -> tuple[str, ...]:
        """Return how a command of a package is called."""
        return (str(self.folder / "node_modules" / ".bin" / name),)


def node_packages(folder: Path) -> NodePackages:
    """Install the packages; skips the test that asks where that cannot be done."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no Node.js: there is no npm on PATH")
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    command = [npm, "install", "--prefer-offline", "--no-audit", "--no-fund", "--silent", *PACKAGES]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_FETCH_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("npm cannot fetch Knock's packages")
    return NodePackages(folder)
