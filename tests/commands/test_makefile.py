"""What `make` says where it cannot begin."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

_MAKEFILE = Path(__file__).parents[2] / "Makefile"
_SOURCES = ("requirements-dev.lock", "pyproject.toml", "README.md")


@pytest.mark.parametrize("content", [None, "", "exit 1", "echo False"])
def test_a_python_that_will_not_do_is_named(tmp_path: Path, content: str | None) -> None:
    """One that is missing, does nothing, fails, or is too old ends with one line, and no .venv."""
    for name in _SOURCES:
        (tmp_path / name).touch()
    python = tmp_path / "python"
    if content is not None:
        python.write_text(f"#!/bin/sh\n{content}\n")
        python.chmod(0o755)
    command = ["make", "-f", str(_MAKEFILE), "install", f"PYTHON={python}"]
    # What `make test` hands on would make it speak as its child does.
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    ended = subprocess.run(
        command, cwd=tmp_path, env=own, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    said, by_make = ended.stderr.splitlines()
    assert said == f"Carillon needs Python 3.11 or newer, which {python} is not."
    assert by_make.startswith("make: ***")
    assert not (tmp_path / ".venv").exists()
