"""Which of the people behind a batch are shown."""

from __future__ import annotations

import pytest

from domain.batches.gathered import some_actors
from domain.recipients.refs import RecipientRef


@pytest.mark.parametrize(
    ("items", "limit", "first", "last"),
    [
        ("", 2, "", ""),
        ("--", 2, "", ""),
        ("aab", 2, "ab", "ab"),
        ("aba", 2, "ab", "ba"),
        ("a-bcb", 2, "ab", "cb"),
        ("abca", 1, "a", "a"),
        ("abcd", 9, "abcd", "abcd"),
    ],
)
def test_the_first_or_the_last_different_actors(
    items: str, limit: int, first: str, last: str
) -> None:
    """Those who acted first, or by their newest items those who acted last; each of them once."""
    refs = [None if name == "-" else RecipientRef.user(name) for name in items]

    assert [one.id for one in some_actors(refs, limit=limit, last=False)] == [*first]
    assert [one.id for one in some_actors(refs, limit=limit, last=True)] == [*last]
