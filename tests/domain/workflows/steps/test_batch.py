"""The batch step: what its settings mean, and what is refused of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.kit.errors import InvalidParams
from domain.workflows.steps import BatchStep, parse_steps, read_steps
from domain.workflows.steps.batch import (
    BatchSettings,
    ExecutionMode,
    Order,
    VersionMode,
    WindowType,
    decide_end,
    key_at_path,
)
from domain.workflows.steps.unknown import UnknownStep

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)  # a Monday
MINUTES = {"unit": "minutes", "value": 10}


def settings_of(**settings: Any) -> BatchSettings:
    """Read the settings of a draft."""
    (step,) = parse_steps([{"type": "batch", "ref": "batch_1", "settings": settings}])
    assert isinstance(step, BatchStep)
    return step.settings


def test_what_is_left_out_takes_its_default() -> None:
    """A window is enough; null means the same as nothing, as Knock's own files write it."""
    plain = settings_of(batch_window=MINUTES)
    nulls = {
        "batch_key": None,
        "batch_until_field_path": None,
        "batch_window_type": None,
        "batch_window_extension_limit": None,
        "batch_order": None,
        "batch_execution_mode": None,
        "batch_items_max_limit": None,
        "batch_items_render_limit": None,
        "workflow_version_mode": None,
    }

    assert settings_of(batch_window=MINUTES, **nulls) == plain
    assert plain.batch_window_type is WindowType.FIXED
    assert plain.batch_order is Order.FIRST
    assert plain.batch_execution_mode is ExecutionMode.ACCUMULATE
    assert plain.batch_items_render_limit == 10
    assert plain.workflow_version_mode is VersionMode.PINNED


@pytest.mark.parametrize(
    ("settings", "place", "message"),
    [
        ({}, "", "needs batch_window, batch_until_field_path, or both"),
        ({"batch_window_type": "sliding"}, "", "needs batch_window_extension_limit"),
        ({"batch_window_type": "sideways"}, ".batch_window_type", "must be one of: fixed, sliding"),
        ({"batch_order": "up"}, ".batch_order", "must be one of: asc, desc"),
        ({"batch_items_max_limit": 1}, ".batch_items_max_limit", "must be at least 2"),
        ({"batch_items_max_limit": 1001}, ".batch_items_max_limit", "must be at most 1000"),
        ({"batch_items_render_limit": 0}, ".batch_items_render_limit", "must be at least 1"),
        ({"batch_items_render_limit": 101}, ".batch_items_render_limit", "must be at most 100"),
        ({"batch_key": "page id"}, ".batch_key", "must be a path"),
        ({"batch_window": {"unit": "days", "value": -1}}, ".batch_window.value", "negative"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], place: str, message: str) -> None:
    """Each fault is told at its place."""
    given = {"batch_window": MINUTES, **settings} if settings else {}
    with pytest.raises(InvalidParams) as refused:
        settings_of(**given)

    (fault,) = refused.value.errors
    assert fault.field == f"steps[0].settings{place}"
    assert message in fault.message


def test_a_stored_step_that_cannot_be_read_is_unknown() -> None:
    """A run that meets it fails with the reason; reading it refuses nothing."""
    (step,) = read_steps([{"type": "batch", "ref": "batch_1", "settings": {}}])

    assert isinstance(step, UnknownStep)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("page_id", "data.page_id"),
        ("data.page_id", "data.page_id"),
        ("comment.page_id", "data.comment.page_id"),
        ("tenant.id", "tenant.id"),
        ("{{ tenant.id }}", "{{ tenant.id }}"),
        ("", None),
    ],
)
def test_a_key_is_a_path_or_liquid(given: str, expected: str | None) -> None:
    """A path without a known root leads into the data."""
    assert settings_of(batch_window=MINUTES, batch_key=given).batch_key == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"key": "a"}, "a"),
        ({"key": 1}, "1"),
        ({"key": {"b": 1, "a": [True]}}, '{"a":[true],"b":1}'),
        ({"key": None}, ""),
        ({}, ""),
    ],
)
def test_keys_are_compared_as_text(data: dict[str, Any], expected: str) -> None:
    """Text stays as it is, anything else is written as JSON, and nothing is the empty key."""
    assert key_at_path("data.key", {"data": data}) == expected


@pytest.mark.parametrize(
    ("settings", "value", "zone", "expected"),
    [
        ({"batch_window": MINUTES}, None, None, "2026-06-15T12:10:00+00:00"),
        ({}, "2026-06-16T09:00:00Z", None, "2026-06-16T09:00:00+00:00"),
        ({}, {"unit": "days", "value": 2}, None, "2026-06-17T12:00:00+00:00"),
        (
            {},
            {"frequency": "daily", "days": "weekdays", "hours": 17},
            "America/New_York",
            "2026-06-15T21:00:00+00:00",
        ),
        (
            {},
            {"frequency": "weekly", "days": ["fri"], "hours": 17},
            None,
            "2026-06-19T17:00:00+00:00",
        ),
        (
            {"batch_window": {"unit": "hours", "value": -1}},
            "2026-06-16T09:00:00Z",
            None,
            "2026-06-16T08:00:00+00:00",
        ),
    ],
)
def test_when_a_window_ends(
    settings: dict[str, Any], value: Any, zone: str | None, expected: str
) -> None:
    """Fixed, dynamic by timestamp, duration or window rule, and relative to a dynamic value."""
    path = {} if value is None else {"batch_until_field_path": "data.until"}
    read = settings_of(**settings, **path)

    found = decide_end(read, {"data": {"until": value}}, NOW, zone)

    assert found.at == datetime.fromisoformat(expected)


@pytest.mark.parametrize("value", [None, "", "soon", "2026-06-15T11:00:00Z", {"unit": "eons"}])
def test_an_unusable_value_is_a_problem(value: Any) -> None:
    """What is missing, malformed or past ends no window; the step is skipped with the reason."""
    read = settings_of(batch_until_field_path="data.until")

    found = decide_end(read, {"data": {"until": value}}, NOW, None)

    assert found.at is None
    assert found.problem is not None
    assert "data.until" in found.problem
