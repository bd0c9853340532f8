"""The throttle step: its window, and the key by which it counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.conditions import MISSING
from domain.kit.errors import InvalidParams
from domain.workflows.steps import ThrottleStep, parse_steps
from domain.workflows.steps.throttle import ThrottleWindow, decide_window, key_of
from tests.support.steps import throttle_step

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def read(**settings: Any) -> ThrottleStep:
    """Read a step as a draft."""
    (step,) = parse_steps([throttle_step(**settings)])
    assert isinstance(step, ThrottleStep)
    return step


def window(value: Any, zone: str | None = None) -> ThrottleWindow | str:
    """Decide the window that `data.window` gives."""
    settings = read(throttle_window_field_path="window").settings
    return decide_window(settings, {"data": {"window": value}}, NOW, zone)


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"throttle_limit": 0}, "settings.throttle_limit"),
        ({"throttle_limit": 1.5}, "settings.throttle_limit"),
        ({"throttle_window": None}, "settings"),
        ({"throttle_window": {"unit": "days", "value": 32}}, "settings.throttle_window"),
        ({"throttle_window": {"unit": "months", "value": 2}}, "settings.throttle_window"),
        ({"throttle_key": "data.a b"}, "settings.throttle_key"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], place: str) -> None:
    """A violation names the setting that is wrong."""
    with pytest.raises(InvalidParams) as refused:
        read(**settings)
    assert [error.field for error in refused.value.errors] == [f"steps[0].{place}"]


def test_one_passes_unless_told_otherwise() -> None:
    """The limit is one by default, written as null, too."""
    assert read().settings.throttle_limit == read(throttle_limit=None).settings.throttle_limit == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"unit": "hours", "value": 1}, ThrottleWindow(NOW - HOUR, NOW + HOUR)),
        ('{"unit": "hours", "value": 1}', ThrottleWindow(NOW - HOUR, NOW + HOUR)),
        ("2026-06-15T13:00:00Z", ThrottleWindow(None, NOW + HOUR)),
        ({"frequency": "daily", "hours": 13}, ThrottleWindow(None, NOW + HOUR)),
        (
            {"unit": "months", "value": 1},
            ThrottleWindow(datetime(2026, 5, 15, 12, tzinfo=UTC), NOW + timedelta(days=30)),
        ),
    ],
)
def test_windows(value: Any, expected: ThrottleWindow) -> None:
    """A length of time looks back; a timestamp or a rule is the end of an open window."""
    assert window(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        5,
        "2026-06-15T11:00:00Z",
        "2027-01-01T00:00:00Z",
        {"unit": "days", "value": 32},
    ],
)
def test_windows_that_cannot_be_used(value: Any) -> None:
    """What is missing, unreadable, past or beyond 31 days gives a reason instead of a window."""
    assert isinstance(window(value), str)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", '"a"'),
        (5, "5"),
        (False, "false"),
        ({"b": 1, "a": [2]}, '{"a":[2],"b":1}'),
        (None, None),
        (MISSING, None),
        ("", None),
        ("x" * 57, '"' + "x" * 57 + '"'),
        ("x" * 58, None),
        ("ä" * 9, None),
    ],
)
def test_keys(value: Any, expected: str | None) -> None:
    """A key is JSON of fewer than 64 characters in a URL; any other is no key."""
    assert key_of(value) == expected
