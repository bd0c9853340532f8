"""Two states of content are compared field by field."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.changes import ChangeKind, changes_between

A = {"ref": "a", "template": {"subject": "x", "n": 1}}
B = {"ref": "b"}
C = {"ref": "c"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1, "b": None}, {"a": 1}, []),
        ({"a": 1}, {"a": True}, [("a", "changed", 1, True)]),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, [("a.b", "changed", "x", "y")]),
        ({"a": 1}, {"b": 2}, [("b", "added", None, 2), ("a", "removed", 1, None)]),
        ({"a": None}, {"a": {"b": 1}}, [("a", "added", None, {"b": 1})]),
        ({"a": [1, 2]}, {"a": [1, 3, 4]},
         [("a[1]", "changed", 2, 3), ("a[2]", "added", None, 4)]),
        ({"a": {"b": 1}}, {"a": [1]}, [("a", "changed", {"b": 1}, [1])]),
        # Steps are compared with themselves, wherever they stand.
        ({"steps": [A, C]}, {"steps": [B, {**A, "template": {"subject": "y", "n": 1}}]},
         [("steps[0]", "added", None, B), ("steps[1].template.subject", "changed", "x", "y"),
          ("steps[1]", "removed", C, None)]),
        ({"steps": [A, B]}, {"steps": [B, A]}, [("steps", "moved", ["a", "b"], ["b", "a"])]),
        ({"steps": []}, {"steps": [B]}, [("steps[0]", "added", None, B)]),
        ({"steps": [B, B]}, {"steps": [B]}, [("steps[1]", "removed", B, None)]),
    ],
)  # fmt: skip
def test_changes(before: Any, after: Any, expected: Any) -> None:
    """Each difference is told at its place, with both values."""
    found = [
        (change.field, change.kind.value, change.before, change.after)
        for change in changes_between(before, after)
    ]
    assert found == expected


@pytest.mark.parametrize("content", [{}, {"a": [{"ref": "x"}, 1]}, {"a": {"b": [[], {}]}}])
def test_nothing_has_changed(content: Any) -> None:
    """What is the same has no changes; what is new is added as a whole."""
    assert [*changes_between(content, content)] == []
    (added,) = changes_between(None, content)
    assert (added.kind, added.after) == (ChangeKind.ADDED, content)
