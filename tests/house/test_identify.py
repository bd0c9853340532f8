"""Who is in a dynamic audience follows from what is stored of users, so that has one way in."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOME = "services/triggers/audience_entries.py"
PRODUCT = ("activities", "api", "commands", "services")


def test_users_are_stored_in_one_place() -> None:
    """Only `identify` calls the statement that stores people; others call `identify`."""
    callers = {
        path.relative_to(ROOT).as_posix()
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.alias) and node.name == "upsert_recipients"
    }
    assert callers == {HOME}
