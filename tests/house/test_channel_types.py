"""Single channel types are named where the code is about that type, and nowhere else.

Everything else asks `CHANNEL_KINDS`, so that a new type is a file and some entries in tables.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.channels.types import ChannelType

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# Files and folders, and why they name single types.
MAY = {
    "domain/channels": "describes the types",
    "providers": "a provider serves one type",
    "templating/messages/render.py": "the table of renderers",
    "api/reference/examples.py": "shows steps of each kind",
    "models/queries/in_app": "is about feeds",
    "domain/messages/reach.py": "public keys reach feed items only",
    "models/queries/guides": "is about guides",
    "domain/content/guide.py": "refers to channels of its own type",
    "services/previews/content.py": "layouts are around e-mails",
    "services/previews/steps.py": "a fetch step is shown as the request of a webhook",
    "commands/seed": "makes one channel of each type",
    "commands/demo": "plays with seeded channels",
}


def _named(path: Path) -> Iterator[str]:
    """Yield the channel types that a file names: members of the enum, and words of no other use."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "ChannelType" and node.attr in ChannelType.__members__:
                yield f"{node.attr} in line {node.lineno}"
        elif isinstance(node, ast.Constant) and node.value == ChannelType.IN_APP_FEED.value:
            yield f"{node.value} in line {node.lineno}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_some_files_name_single_channel_types(path: Path) -> None:
    """A fact about a channel type belongs to its kind."""
    place = path.relative_to(ROOT)
    if not any(place.is_relative_to(allowed) for allowed in MAY):
        assert list(_named(path)) == []


@pytest.mark.parametrize("allowed", MAY)
def test_no_exception_is_left_behind(allowed: str) -> None:
    """What may name single channel types does."""
    files = (path for path in FILES if path.relative_to(ROOT).is_relative_to(allowed))
    assert any(list(_named(path)) for path in files)
