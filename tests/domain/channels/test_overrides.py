"""What is laid over the body that a provider is sent."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.overrides import merged

BUILT = {"a": {"b": 1, "c": [1, 2]}, "d": "x"}


@pytest.mark.parametrize(
    ("overrides", "sent"),
    [
        (None, BUILT),
        ({}, BUILT),
        ("text", BUILT),
        ({"a": {"c": [3]}, "e": 5}, {"a": {"b": 1, "c": [3]}, "d": "x", "e": 5}),
        ({"a": 7}, {"a": 7, "d": "x"}),
        ({"d": {"f": 1}}, {**BUILT, "d": {"f": 1}}),
        ({"__strategy__": "replace", "a": {"z": 1}}, {"a": {"z": 1}, "d": "x"}),
        ({"__strategy__": "merge", "a": {"z": 1}}, {"a": {"b": 1, "c": [1, 2], "z": 1}, "d": "x"}),
    ],
)
def test_overrides_are_merged_member_by_member(overrides: Any, sent: Any) -> None:
    """Objects recursively, scalars and lists as a whole; `replace` takes ours away at the top."""
    assert merged(BUILT, overrides) == sent
    assert BUILT == {"a": {"b": 1, "c": [1, 2]}, "d": "x"}
