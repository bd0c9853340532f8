"""Whatever is started in Temporal says whose it is, so that nobody's burst starves the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _starts() -> Iterator[tuple[str, set[str | None]]]:
    """Yield where a Temporal workflow is started, and what that call says by name."""
    for path in sorted((ROOT / "services").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                if called in {"start_workflow", "start_once"}:
                    where = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield where, {word.arg for word in node.keywords}


def test_each_start_has_a_priority() -> None:
    """It is made of the tenant or the environment: see `services/temporal_calls.py`."""
    starts = dict(_starts())
    assert len(starts) > 8
    assert [where for where, words in starts.items() if "priority" not in words] == []


def test_starts_stand_together() -> None:
    """What is started, how often and under which id, is read in one module."""
    assert {where.partition(":")[0] for where in dict(_starts())} == {"services/temporal_calls.py"}
