"""When schedules occur: single instants, calendar rules over clock changes, and after an outage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.json_types import JsonObject
from domain.schedules.occurrences import Timing
from domain.schedules.rows import rules_of

NEW_YORK, LONDON = "America/New_York", "Europe/London"
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)


def _at(text: str, zone: str = "Etc/UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _timing(*repeats: JsonObject, anchor: datetime, **changes: datetime | None) -> Timing:
    values = {"scheduled_at": None, "ending_at": None, **changes}
    return Timing(rules_of(list(repeats)), anchor=anchor, **values)


def _days(timing: Timing, after: datetime, zone: str, count: int) -> list[datetime]:
    found: list[datetime] = []
    while len(found) < count:
        at = timing.next_after(found[-1] if found else after, zone)
        assert at is not None
        found.append(at)
    return found


MONDAY_NINE = {"frequency": "weekly", "days": ["mon"], "hours": 9}
VECTORS: dict[str, tuple[JsonObject, str, str]] = {
    "weekly, the same day": (MONDAY_NINE, "2026-03-02T08:59", "2026-03-02T09:00"),
    "weekly, strictly after now": (MONDAY_NINE, "2026-03-02T09:00", "2026-03-09T09:00"),
    "daily in the gap": (
        {"frequency": "daily", "hours": 2, "minutes": 30},
        "2026-03-07T12:00",
        "2026-03-08T03:30",
    ),
    "daily in the overlap": (
        {"frequency": "daily", "hours": 1, "minutes": 30},
        "2026-10-31T12:00",
        "2026-11-01T01:30",
    ),
    "monthly, a short month": (
        {"frequency": "monthly", "day_of_month": 31, "hours": 9},
        "2026-02-05T00:00",
        "2026-02-28T09:00",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_4_vectors(name: str) -> None:
    """Schedules follow the vectors of calendar rules in New York."""
    rule, now, expected = VECTORS[name]
    timing = _timing(rule, anchor=_at(now, NEW_YORK))
    assert timing.next_after(_at(now, NEW_YORK), NEW_YORK) == _at(expected, NEW_YORK)


def test_a_4_every_second_week() -> None:
    """Weeks count from the week of the anchor: after week 1 comes week 3."""
    rule = {"frequency": "weekly", "interval": 2, "days": ["mon", "tue", "fri"], "hours": 18}
    timing = _timing(rule, anchor=_at("2026-03-02T12:00", NEW_YORK))
    saturday = _at("2026-03-07T10:00", NEW_YORK)
    assert timing.next_after(saturday, NEW_YORK) == _at("2026-03-16T18:00", NEW_YORK)


def test_clock_changes_neither_drop_nor_double_a_day() -> None:
    """London, daily at 01:15: once a day, also when that does not exist or happens twice."""
    timing = _timing(
        {"frequency": "daily", "hours": 1, "minutes": 15}, anchor=_at("2027-03-01T00:00")
    )
    assert _days(timing, _at("2027-03-27T00:00"), LONDON, 3) == [
        _at("2027-03-27T01:15"),
        _at("2027-03-28T01:15"),
        _at("2027-03-29T00:15"),
    ]
    assert _days(timing, _at("2027-10-30T12:00"), LONDON, 2) == [
        _at("2027-10-31T00:15"),
        _at("2027-11-01T01:15"),
    ]


def test_several_rules_are_a_union() -> None:
    """It occurs whenever any rule does, once where two of them meet."""
    morning = {"frequency": "daily", "hours": 9}
    mondays = {"frequency": "weekly", "days": ["mon"], "hours": 9}
    evening = {"frequency": "daily", "hours": 18}
    timing = _timing(morning, mondays, evening, anchor=_at("2026-03-02T00:00"))
    assert _days(timing, _at("2026-03-02T00:00"), "Etc/UTC", 3) == [
        _at("2026-03-02T09:00"),
        _at("2026-03-02T18:00"),
        _at("2026-03-03T09:00"),
    ]


def test_it_begins_at_its_instant_and_not_before() -> None:
    """The first occurrence is at the start, if the rule says so, or the first one after it."""
    rule = {"frequency": "daily", "hours": 9}
    for start, expected in (("2026-05-01T09:00", "2026-05-01"), ("2026-05-01T09:01", "2026-05-02")):
        timing = _timing(rule, anchor=_at(start), scheduled_at=_at(start))
        found = timing.next_after(_at("2026-03-01T00:00"), None)
        assert found == _at(f"{expected}T09:00")


@pytest.mark.parametrize("zone", [None, "", "nowhere", "Etc/UTC"])
def test_without_a_zone_it_is_utc(zone: str | None) -> None:
    """A recipient whose zone is not known lives in UTC."""
    timing = _timing({"frequency": "daily", "hours": 9}, anchor=_at("2026-03-01T00:00"))
    assert timing.next_after(_at("2026-03-01T10:00"), zone) == _at("2026-03-02T09:00")


def test_nothing_occurs_after_the_end() -> None:
    """The end itself is still in; what is scheduled later never occurs."""
    rule, end = {"frequency": "daily", "hours": 9}, _at("2026-03-03T09:00")
    timing = _timing(rule, anchor=_at("2026-03-01T00:00"), ending_at=end)
    assert timing.next_after(end - MICROSECOND, None) == end
    assert timing.next_after(end, None) is None
    once = _timing(anchor=end, scheduled_at=end + HOUR, ending_at=end)
    assert once.first(end - HOUR, None, last=None, patience=HOUR) is None


def test_a_single_occurrence_is_an_instant() -> None:
    """It happens once, wherever the recipient is; one just missed is made up for."""
    at = _at("2026-03-01T12:00")
    once = _timing(anchor=at, scheduled_at=at)
    for zone in (NEW_YORK, LONDON, None):
        assert once.first(at - HOUR, zone, last=None, patience=HOUR) == at
    assert once.first(at + HOUR / 2, None, last=None, patience=HOUR) == at
    assert once.first(at + HOUR, None, last=None, patience=HOUR) is None
    assert once.first(at, None, last=at, patience=HOUR) is None


def test_repeats_begin_with_the_next_one() -> None:
    """What a new, changed or resumed schedule has missed is not made up for."""
    timing = _timing({"frequency": "hourly"}, anchor=_at("2026-03-01T00:00"))
    now = _at("2026-03-01T10:30")
    assert timing.first(now, None, last=None, patience=HOUR) == _at("2026-03-01T11:00")
    later = _at("2026-03-01T12:00")
    assert timing.first(now, None, last=later, patience=HOUR) == later + HOUR


@pytest.mark.parametrize(
    ("late", "occurrence"),
    [("0:00", "09:00"), ("0:59", "09:00"), ("1:00", None), ("5:30", None)],
)
def test_after_an_outage(late: str, occurrence: str | None) -> None:
    """What is late by less than an hour happens; the rest is passed over; then it goes on."""
    hours, minutes = map(int, late.split(":"))
    expected = _at("2026-03-02T09:00")
    now = expected + timedelta(hours=hours, minutes=minutes)
    timing = _timing({"frequency": "daily", "hours": 9}, anchor=_at("2026-03-01T00:00"))
    due = timing.due(expected, now, None, patience=HOUR)
    assert due.occurrence == (_at(f"2026-03-02T{occurrence}") if occurrence else None)
    assert due.following == _at("2026-03-03T09:00")


def test_of_many_that_were_missed_the_latest_happens_once() -> None:
    """A day of hourly occurrences is one, the newest."""
    timing = _timing({"frequency": "hourly"}, anchor=_at("2026-03-01T00:00"))
    due = timing.due(_at("2026-03-01T01:00"), _at("2026-03-02T01:10"), None, patience=HOUR)
    assert due.occurrence == _at("2026-03-02T01:00")
    assert due.following == _at("2026-03-02T02:00")


def test_rules_of_another_version_are_passed_over() -> None:
    """A stored rule that this version cannot read takes nothing from those beside it."""
    odd = {"frequency": "yearly"}
    assert rules_of([odd, {"frequency": "daily"}]) == rules_of([{"frequency": "daily"}])
    begun = _at("2026-03-01T00:00")
    timing = _timing(odd, anchor=begun, scheduled_at=begun)
    assert timing.next_after(begun - HOUR, None) is None


_RULES = st.fixed_dictionaries(
    {"frequency": st.sampled_from(["hourly", "daily", "weekly", "monthly"])},
    optional={
        "interval": st.integers(1, 12),
        "hours": st.integers(0, 23),
        "minutes": st.integers(0, 11).map(lambda step: step * 5),
        "day_of_month": st.integers(1, 31),
        "days": st.lists(
            st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1
        ),
    },
)
_INSTANTS = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - bounds are naive
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
_ZONES = st.sampled_from([NEW_YORK, LONDON, "Australia/Lord_Howe", "Asia/Kolkata", None])


@given(
    rules=st.lists(_RULES, min_size=1, max_size=3),
    anchor=_INSTANTS,
    now=_INSTANTS,
    late=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3)),
    zone=_ZONES,
)
def test_whatever_was_missed_nothing_is_doubled(
    rules: list[JsonObject], anchor: datetime, now: datetime, late: timedelta, zone: str | None
) -> None:
    """What happens lies in the past by less than the patience, is the last such, and stays behind.

    Going on one by one and looking late lead to the same next occurrence.
    """
    timing = _timing(*rules, anchor=anchor)
    expected = timing.next_after(now, zone)
    if expected is None:
        return
    look = expected + late
    due = timing.due(expected, look, zone, patience=HOUR)
    assert due.following == timing.next_after(look, zone)
    if due.occurrence is None:
        assert look - expected >= HOUR
        assert (between := timing.next_after(look - HOUR, zone)) is None or between > look
    else:
        assert expected <= due.occurrence <= look < due.occurrence + HOUR
        assert timing.next_after(due.occurrence, zone) == due.following


@given(rule=_RULES, anchor=_INSTANTS, now=_INSTANTS, zone=_ZONES)
def test_occurrences_rise(
    rule: JsonObject, anchor: datetime, now: datetime, zone: str | None
) -> None:
    """Each comes after the one before it, and none before the schedule begins."""
    timing = _timing(rule, anchor=anchor, scheduled_at=anchor)
    last = now
    for _ in range(4):
        at = timing.next_after(last, zone)
        if at is None:
            return
        assert at > last
        assert at >= anchor
        last = at
