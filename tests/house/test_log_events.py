"""What operators are told to watch in the logs is written there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PACKAGES = ("activities", "api", "commands", "models", "outbound", "providers", "runtime",
             "services", "templating", "temporal_workflows")  # fmt: skip
_LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
_OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def _nodes() -> Iterator[ast.AST]:
    for package in _PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            yield from ast.walk(ast.parse(path.read_text()))


LOGGED = {
    constant.value
    for node in _nodes()
    if isinstance(node, ast.Call)
    and isinstance(node.func, ast.Attribute)
    and node.func.attr in _LEVELS
    for argument in node.args[:2]
    for constant in ast.walk(argument)
    if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
}
_TABLE = re.search(r"^\| Log event \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", _OPERATIONS, re.M)
TOLD = sorted(
    {
        name
        for row in (_TABLE[1].splitlines() if _TABLE else ())
        for name in re.findall(r"`([^`]+)`", row.split("|")[1])
    }
)


def test_log_events_are_told() -> None:
    """The page for operators has a table of log events."""
    assert len(TOLD) > 10


@pytest.mark.parametrize("event", TOLD)
def test_a_log_event_that_operators_watch_is_written(event: str) -> None:
    """An alert on an event that nothing logs would never go off."""
    assert event in LOGGED
