"""In which order guides are shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.guides.rows import GuideGroup

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sequence", "unthrottled", "shown"),
    [
        ([], [], ["a", "b", "c", "d"]),
        (["c", "a"], [], ["c", "a", "b", "d"]),
        (["c", "gone", "a"], ["gone"], ["c", "a", "b", "d"]),
        (["c", "a"], ["d", "a"], ["a", "d", "c", "b"]),
        (["a", "a"], [], ["a", "b", "c", "d"]),
        (["c", "a", "c"], ["c", "c"], ["c", "a", "b", "d"]),
    ],
)
def test_order(sequence: list[str], unthrottled: list[str], shown: list[str]) -> None:
    """Each guide is shown once: what waits for nothing first, then what is named, then the rest."""
    group = GuideGroup(
        display_interval=None,
        display_sequence=sequence,
        unthrottled=unthrottled,
        inserted_at=NOW,
        updated_at=NOW,
    )
    assert group.ordered(["a", "b", "c", "d"]) == shown
