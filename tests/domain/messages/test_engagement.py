"""What recipients did with messages: where it is stored, and what a request may say of it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.shapes import read_shape
from domain.messages.engagement import BatchInteractionIn, InteractionIn
from domain.messages.messages import Engaged
from domain.messages.statuses import ENGAGEMENT_COLUMNS, EngagementStatus

NOTHING = Engaged(
    seen_at=None, read_at=None, interacted_at=None, link_clicked_at=None, archived_at=None
)


def test_each_engagement_has_its_column() -> None:
    """The row of a message has the column of every status, in the order of the statuses."""
    assert [field.name for field in fields(Engaged)] == list(ENGAGEMENT_COLUMNS.values())


@pytest.mark.parametrize("status", list(EngagementStatus))
def test_a_status_holds_once_its_column_is_set(status: EngagementStatus) -> None:
    """An instant in its column is all that makes a status hold."""
    engaged = replace(NOTHING, **{ENGAGEMENT_COLUMNS[status]: datetime(2026, 3, 1, tzinfo=UTC)})
    assert (NOTHING.engagement_statuses, engaged.engagement_statuses) == ([], [status])


def _violations(body: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidParams) as refused:
        read_shape(BatchInteractionIn, body)
    return {error.field: error.message for error in refused.value.errors}


@pytest.mark.parametrize(
    ("body", "violations"),
    [
        ({}, {"message_ids": "is required"}),
        ({"message_ids": []}, {"message_ids": "must not be empty"}),
        ({"message_ids": "x"}, {"message_ids": "must be a list"}),
        ({"message_ids": ["a", 1]}, {"message_ids[1]": "must be a string"}),
        ({"message_ids": ["a"] * 51}, {"message_ids": "must have at most 50 entries"}),
        (
            {"message_ids": ["a"], "metadata": {"a": {"b": 1}, "c": [], "d": 1}},
            {"metadata.a": "must not be nested", "metadata.c": "must not be nested"},
        ),
        (
            {"message_ids": ["a"], "metadata": {str(n): n for n in range(6)}},
            {"metadata": "must have at most 5 entries"},
        ),
    ],
)
def test_violations_of_a_batch(body: dict[str, Any], violations: dict[str, str]) -> None:
    """Every violation is told at its place, all at once."""
    assert _violations(body) == violations


@pytest.mark.parametrize(
    ("metadata", "read"),
    [(None, None), ([], {}), ({}, {}), ({"a": 1, "b": None, "c": False}, ...)],
)
def test_flat_metadata_is_taken(metadata: Any, read: Any) -> None:
    """Nothing, an empty list as PHP writes it, and up to five flat pairs are fine."""
    expected = metadata if read is ... else read
    assert read_shape(InteractionIn, {"metadata": metadata}).metadata == expected
