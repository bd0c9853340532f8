"""Window rules and dynamic values: the instant they stand for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.errors import InvalidParams
from domain.kit.windows import (
    WEEKDAYS,
    Frequency,
    WindowRule,
    next_instant,
    parse_window_rule,
    resolve_dynamic,
)

NEW_YORK = "America/New_York"


def local(text: str, zone: str = NEW_YORK) -> datetime:
    """Read a wall-clock time of a zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def following(raw: dict[str, object], after: str, zone: str = NEW_YORK) -> str | None:
    """Return the next instant as wall-clock text of the zone."""
    instant = next_instant(parse_window_rule(raw), local(after, zone), zone)
    return instant and instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %z")


MONDAY_NINE = {"frequency": "weekly", "days": ["mon"], "hours": 9}


@pytest.mark.parametrize(
    ("rule", "after", "expected"),
    [
        (MONDAY_NINE, "2026-01-05T08:59", "2026-01-05 09:00 -0500"),
        (MONDAY_NINE, "2026-01-05T09:00", "2026-01-12 09:00 -0500"),
        ({"frequency": "weekly"}, "2026-01-07T10:00", "2026-01-14 00:00 -0500"),
        ({"frequency": "weekly", "hours": 18}, "2026-01-07T10:00", "2026-01-07 18:00 -0500"),
        ({"frequency": "daily"}, "2026-01-07T00:00", "2026-01-08 00:00 -0500"),
        (
            {"frequency": "daily", "days": "weekdays", "hours": 9, "minutes": 30},
            "2026-01-09T09:30",
            "2026-01-12 09:30 -0500",
        ),
        (
            {"frequency": "daily", "days": "weekends", "hours": 9},
            "2026-01-05T09:30",
            "2026-01-10 09:00 -0500",
        ),
        (
            {"frequency": "weekly", "days": ["fri", "tue"], "hours": 9},
            "2026-01-07T12:00",
            "2026-01-09 09:00 -0500",
        ),
        (
            {"frequency": "monthly", "day_of_month": 31, "hours": 9},
            "2026-02-05T12:00",
            "2026-02-28 09:00 -0500",
        ),
        (
            {"frequency": "monthly", "day_of_month": 31, "hours": 9},
            "2026-02-28T09:00",
            "2026-03-31 09:00 -0400",
        ),
        ({"frequency": "monthly", "hours": 9}, "2026-01-31T12:00", "2026-02-28 09:00 -0500"),
        (
            {"frequency": "monthly", "days": ["mon"], "hours": 9},
            "2026-01-06T12:00",
            "2026-02-02 09:00 -0500",
        ),
        ({"frequency": "hourly", "minutes": 15}, "2026-01-06T12:15", "2026-01-06 13:15 -0500"),
        ({"frequency": "hourly", "minutes": 15}, "2026-01-06T12:14:59", "2026-01-06 12:15 -0500"),
        ({"frequency": "hourly", "days": ["sat"]}, "2026-01-06T12:15", "2026-01-10 00:00 -0500"),
        ({"frequency": "daily", "interval": 3}, "2026-01-06T12:00", "2026-01-09 00:00 -0500"),
        ({"frequency": "hourly", "interval": 6}, "2026-01-06T12:30", "2026-01-06 18:00 -0500"),
    ],
)
def test_a_4_next_instant(rule: dict[str, object], after: str, expected: str) -> None:
    """A rule gives the first wall-clock time of the zone strictly after now."""
    assert following(rule, after) == expected


@pytest.mark.parametrize(
    ("rule", "after", "expected"),
    [
        # Clocks jump from 02:00 to 03:00 on 8 March 2026.
        (
            {"frequency": "daily", "hours": 2, "minutes": 30},
            "2026-03-07T12:00",
            "2026-03-08 03:30 -0400",
        ),
        (
            {"frequency": "daily", "hours": 2, "minutes": 30},
            "2026-03-08T03:30",
            "2026-03-09 02:30 -0400",
        ),
        # 01:30 comes twice on 1 November 2026: the first time is meant, and it is meant once.
        (
            {"frequency": "daily", "hours": 1, "minutes": 30},
            "2026-10-31T12:00",
            "2026-11-01 01:30 -0400",
        ),
        (
            {"frequency": "daily", "hours": 1, "minutes": 30},
            "2026-11-01T01:30",
            "2026-11-02 01:30 -0500",
        ),
        # Hourly rules follow real time through both changes.
        ({"frequency": "hourly"}, "2026-11-01T01:30", "2026-11-01 01:00 -0500"),
        ({"frequency": "hourly"}, "2026-03-08T01:30", "2026-03-08 03:00 -0400"),
    ],
)
def test_a_4_clock_changes(rule: dict[str, object], after: str, expected: str) -> None:
    """A time in the gap moves forward by it; an ambiguous one happens at its first occurrence."""
    assert following(rule, after) == expected


def test_half_hour_clock_changes_keep_the_minute() -> None:
    """An hourly rule keeps its minute of the wall clock where the clocks shift by half an hour."""
    # Lord Howe Island goes from 02:00 to 02:30 on 4 October 2026.
    assert following({"frequency": "hourly"}, "2026-10-04T01:30", "Australia/Lord_Howe") == (
        "2026-10-04 03:00 +1100"
    )


def test_a_4_an_interval_counts_from_its_anchor() -> None:
    """Every second week is counted from the anchor's week, not from now."""
    rule = parse_window_rule(
        {"frequency": "weekly", "interval": 2, "days": ["mon", "tue", "fri"], "hours": 18}
    )
    anchor = local("2026-01-07T12:00")

    assert next_instant(rule, local("2026-01-10T12:00"), NEW_YORK, anchor=anchor) == local(
        "2026-01-19T18:00"
    )
    assert next_instant(rule, local("2026-01-19T18:00"), NEW_YORK, anchor=anchor) == local(
        "2026-01-20T18:00"
    )


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Tokyo", "2026-01-06T00:00:00+00:00"),
        (None, "2026-01-06T09:00:00+00:00"),
        ("", "2026-01-06T09:00:00+00:00"),
        ("Mars/Olympus", "2026-01-06T09:00:00+00:00"),
        ("America", "2026-01-06T09:00:00+00:00"),
        ("../../etc/passwd", "2026-01-06T09:00:00+00:00"),
        ("a\0b", "2026-01-06T09:00:00+00:00"),
    ],
)
def test_an_unknown_zone_is_utc(zone: str | None, expected: str) -> None:
    """A rule is read in the recipient's zone; a zone that does not exist means UTC."""
    rule = WindowRule(Frequency.DAILY, hours=9)
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)

    found = next_instant(rule, now, zone)

    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.parametrize("frequency", list(Frequency))
def test_a_rule_that_can_never_hold_gives_nothing(frequency: Frequency) -> None:
    """A rule that no day fits, or whose days lie past the calendar's end, gives None."""
    rule = WindowRule(frequency, interval=1000)
    end = datetime(9999, 12, 31, 12, tzinfo=UTC)

    assert next_instant(rule, end, None) is None


def test_a_day_filter_against_its_interval_gives_nothing() -> None:
    """Every seventh day from a Tuesday is never a Monday."""
    for frequency, interval in (("daily", 7), ("hourly", 168)):
        rule = parse_window_rule({"frequency": frequency, "interval": interval, "days": ["mon"]})

        assert next_instant(rule, local("2026-01-06T12:00"), NEW_YORK) is None


rules = st.builds(
    WindowRule,
    frequency=st.sampled_from(Frequency),
    days=st.none() | st.frozensets(st.integers(0, 6), min_size=1),
    hours=st.integers(0, 23),
    minutes=st.integers(0, 11).map(lambda n: n * 5),
    day_of_month=st.none() | st.integers(1, 31),
)
moments = st.integers(1_577_836_800, 2_051_222_400).map(lambda n: datetime.fromtimestamp(n, UTC))
zones = st.sampled_from(
    (NEW_YORK, "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", None)
)


@given(rules, moments, zones)
def test_the_next_instant_lies_ahead_and_within_reach(
    rule: WindowRule, now: datetime, zone: str | None
) -> None:
    """Without an interval the next instant is later than now, and at most two months away."""
    found = next_instant(rule, now, zone)

    assert found is not None
    assert now < found <= now + timedelta(days=63)


@given(rules, moments, zones)
def test_no_occurrence_is_jumped_over(rule: WindowRule, now: datetime, zone: str | None) -> None:
    """Asked shortly before an occurrence with the same anchor, the rule gives that occurrence."""
    found = next_instant(rule, now, zone)
    assert found is not None

    between = found - timedelta(seconds=1)
    if between > now:
        assert next_instant(rule, between, zone, anchor=now) == found


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (None, ["w"]),
        ([], ["w"]),
        ({}, ["w.frequency"]),
        ({"frequency": "yearly"}, ["w.frequency"]),
        ({"frequency": {}}, ["w.frequency"]),
        ({"frequency": "daily", "days": "mon"}, ["w.days"]),
        ({"frequency": "daily", "days": ["monday"]}, ["w.days"]),
        ({"frequency": "daily", "days": [1]}, ["w.days"]),
        ({"frequency": "daily", "hours": 24}, ["w.hours"]),
        ({"frequency": "daily", "hours": "9"}, ["w.hours"]),
        ({"frequency": "daily", "minutes": 7}, ["w.minutes"]),
        ({"frequency": "daily", "minutes": 60}, ["w.minutes"]),
        ({"frequency": "monthly", "day_of_month": 0}, ["w.day_of_month"]),
        ({"frequency": "daily", "interval": True}, ["w.interval"]),
        ({"frequency": "x", "hours": -1, "interval": 0}, ["w.frequency", "w.hours", "w.interval"]),
    ],
)
def test_wrong_rules_name_each_member(raw: object, fields: list[str]) -> None:
    """Every wrong member of a rule is answered with its own field."""
    with pytest.raises(InvalidParams) as refusal:
        parse_window_rule(raw, "w")

    assert [error.field for error in refusal.value.errors] == fields


def test_a_rule_is_read_whole() -> None:
    """Days become weekday numbers; absent members get their defaults; [] is no filter."""
    rule = parse_window_rule({"frequency": "weekly", "days": ["sun", "mon"], "minutes": 55})

    assert rule == WindowRule(Frequency.WEEKLY, frozenset((0, 6)), 0, 55, None, 1)
    assert parse_window_rule({"frequency": "daily", "days": []}).days is None
    assert parse_window_rule({"frequency": "daily", "days": "weekends"}).days == {5, 6}
    assert parse_window_rule({"frequency": "daily", "days": list(WEEKDAYS)}).days == set(range(7))


NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 5, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("2026-01-05T14:00:00Z", LATER),
        ("2026-01-05T15:00:00+01:00", LATER),
        (json.dumps("2026-01-05T14:00:00Z"), LATER),
        ("2026-01-06", datetime(2026, 1, 6, tzinfo=UTC)),
        ("2026-01-05T12:00:00Z", None),
        ("2026-01-05T11:59:59Z", None),
        ({"unit": "hours", "value": 2}, LATER),
        ('{"unit": "hours", "value": 2}', LATER),
        ({"unit": "hours", "value": 0}, NOW),
        ({"unit": "hours", "value": -2}, None),
        ({"unit": "hours", "value": 999999999}, None),
        ({"frequency": "daily", "hours": 14}, LATER),
        ('{"frequency": "daily", "hours": 14}', LATER),
        ({"frequency": "sometimes"}, None),
        ("tomorrow", None),
        ("", None),
        ("[" * 100_000, None),
        ("9999-12-31T23:59:59-05:00", None),
        (None, None),
        (5, None),
        (True, None),
        ([], None),
        ({}, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_dynamic_values(raw: object, expected: datetime | None) -> None:
    """A dynamic value is a future timestamp, a duration or a rule, as JSON or as text of it."""
    assert resolve_dynamic(raw, NOW, None) == expected


def test_a_dynamic_rule_is_read_in_the_zone() -> None:
    """The rule of a dynamic value is the recipient's wall clock."""
    rule = {"frequency": "daily", "hours": 9}

    assert resolve_dynamic(rule, NOW, NEW_YORK) == LATER
