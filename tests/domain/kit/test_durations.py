"""Durations: what is accepted, and what adding one gives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.durations import MAX_VALUE, Duration, DurationUnit, add_duration, parse_duration
from domain.kit.errors import InvalidParams

NOW = datetime(2026, 1, 31, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize("unit", list(DurationUnit))
def test_every_unit_is_accepted_up_to_a_year(unit: DurationUnit) -> None:
    """A duration of any unit may last up to 365 days and no longer."""
    longest = MAX_VALUE[unit]

    assert parse_duration({"unit": unit.value, "value": longest}, "d") == Duration(unit, longest)
    with pytest.raises(InvalidParams, match="365 days"):
        parse_duration({"unit": unit.value, "value": longest + 1}, "d")


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (None, ["d"]),
        ("1 hour", ["d"]),
        ({}, ["d.unit", "d.value"]),
        ({"unit": "years", "value": 1}, ["d.unit"]),
        ({"unit": ["hours"], "value": 1}, ["d.unit"]),
        ({"unit": "hours", "value": "1"}, ["d.value"]),
        ({"unit": "hours", "value": True}, ["d.value"]),
        ({"unit": "hours", "value": 1.5}, ["d.value"]),
        ({"unit": "hours", "value": -1}, ["d.value"]),
        ({"unit": "hour", "value": None}, ["d.unit", "d.value"]),
    ],
)
def test_each_violation_is_named(raw: object, fields: list[str]) -> None:
    """Every wrong member of a duration is answered with its own field."""
    with pytest.raises(InvalidParams) as refusal:
        parse_duration(raw, "d")

    assert [error.field for error in refusal.value.errors] == fields


def test_negative_only_where_allowed() -> None:
    """An offset may be negative, but not beyond a year either."""
    raw = {"unit": "hours", "value": -2}

    assert parse_duration(raw, "d", allow_negative=True).value == -2
    with pytest.raises(InvalidParams):
        parse_duration({"unit": "days", "value": -366}, "d", allow_negative=True)


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("seconds", 5, datetime(2026, 1, 31, 10, 30, 5, tzinfo=UTC)),
        ("minutes", 45, datetime(2026, 1, 31, 11, 15, tzinfo=UTC)),
        ("hours", -11, datetime(2026, 1, 30, 23, 30, tzinfo=UTC)),
        ("days", 1, datetime(2026, 2, 1, 10, 30, tzinfo=UTC)),
        ("weeks", 2, datetime(2026, 2, 14, 10, 30, tzinfo=UTC)),
        ("months", 1, datetime(2026, 2, 28, 10, 30, tzinfo=UTC)),
        ("months", 2, datetime(2026, 3, 31, 10, 30, tzinfo=UTC)),
        ("months", 12, datetime(2027, 1, 31, 10, 30, tzinfo=UTC)),
        ("months", -2, datetime(2025, 11, 30, 10, 30, tzinfo=UTC)),
        ("months", 0, NOW),
    ],
)
def test_adding(unit: str, value: int, expected: datetime) -> None:
    """Months are calendar months with the day clamped; the rest is exact time."""
    assert add_duration(NOW, Duration(DurationUnit(unit), value)) == expected


def test_months_are_counted_in_utc() -> None:
    """The calendar of a month is UTC's, whatever zone the instant is given in."""
    local = datetime(2026, 3, 1, 1, 0, tzinfo=timezone(timedelta(hours=5)))  # 28 February in UTC

    assert add_duration(local, Duration(DurationUnit.MONTHS, 1)) == datetime(
        2026, 3, 28, 20, 0, tzinfo=UTC
    )


@pytest.mark.parametrize("unit", list(DurationUnit))
def test_the_end_of_the_calendar_overflows(unit: DurationUnit) -> None:
    """Beyond the year 9999 there is an OverflowError, for every unit."""
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

    with pytest.raises(OverflowError):
        add_duration(last, Duration(unit, 1))


@given(
    st.integers(-(2**31), 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    st.integers(0, 12),
)
def test_months_never_leave_their_month(moment: datetime, months: int) -> None:
    """N months later is always the n-th following month, never one further."""
    later = add_duration(moment, Duration(DurationUnit.MONTHS, months))

    assert (later.year * 12 + later.month) - (moment.year * 12 + moment.month) == months
    assert later.day <= moment.day
