"""What every SQL statement of the product keeps to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "models" / "queries").rglob("*.py"))
_INSERT = re.compile(r"INSERT\s+INTO\s+\w+(?:\s+AS\s+\w+)?\s*(\(?)", re.IGNORECASE)


def _texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_insert_names_its_columns(path: Path) -> None:
    """A column that a newer release adds takes its default, so older processes still write."""
    for text in _texts(path):
        for found in _INSERT.finditer(text):
            assert found[1] == "(", text
