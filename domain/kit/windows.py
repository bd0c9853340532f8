"""Dynamic windows: the instant that a timestamp, a duration or a window rule stands for.

Source: Knock docs, "Batch function", "Delay function", on dynamic windows. Rules are wall-clock
rules of the recipient's zone; everything that comes out is an instant in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import count, islice

from domain.kit.clock import parse_instant
from domain.kit.durations import Duration, add_duration, clamped_day, parse_duration, shift_month
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations
from domain.kit.zones import instant_at, zone_named

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_GROUPS = {"weekdays": frozenset(range(5)), "weekends": frozenset((5, 6))}
MAX_INTERVAL = 1000
MINUTE_STEP = 5
# Enough to meet every combination of a day filter and an interval once, or to know none fits.
_CANDIDATES = 400


class Frequency(StrEnum):
    """How often a rule comes round."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


_FREQUENCIES = tuple(frequency.value for frequency in Frequency)


@dataclass(frozen=True, slots=True)
class WindowRule:
    """A recurring wall-clock time; `days` are weekday numbers, Monday 0, or None for no filter."""

    frequency: Frequency
    days: frozenset[int] | None = None
    hours: int = 0
    minutes: int = 0
    day_of_month: int | None = None
    interval: int = 1


def parse_window_rule(raw: JsonValue, field: str = "window") -> WindowRule:
    """Read a window rule; raises InvalidParams with one error per wrong member."""
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object with a frequency")
    violations = Violations()
    frequency: JsonValue = raw.get("frequency")
    if frequency not in _FREQUENCIES:
        violations.add(f"{field}.frequency", f"must be one of: {', '.join(_FREQUENCIES)}")
    days = violations.check(_parse_days, raw.get("days"), f"{field}.days")
    minutes = _number(raw, "minutes", field, (0, 59), violations)
    if minutes is not None and minutes % MINUTE_STEP:
        violations.add(f"{field}.minutes", "must be a multiple of 5")
    hours = _number(raw, "hours", field, (0, 23), violations)
    day_of_month = _number(raw, "day_of_month", field, (1, 31), violations)
    interval = _number(raw, "interval", field, (1, MAX_INTERVAL), violations)
    violations.raise_any()
    return WindowRule(
        Frequency(frequency), days, hours or 0, minutes or 0, day_of_month, interval or 1
    )


def _parse_days(raw: JsonValue, field: str) -> frozenset[int] | None:
    if raw is None or raw == []:
        return None
    if isinstance(raw, str) and raw in DAY_GROUPS:
        return DAY_GROUPS[raw]
    if not isinstance(raw, list) or not all(day in WEEKDAYS for day in raw):
        raise InvalidParams.of(
            field, f"must be a list of {', '.join(WEEKDAYS)}, or weekdays, or weekends"
        )
    return frozenset(WEEKDAYS.index(day) for day in raw)


def _number(
    raw: JsonObject, key: str, field: str, bounds: tuple[int, int], violations: Violations
) -> int | None:
    """Read a whole number within bounds; None when absent or wrong."""
    value = raw.get(key)
    if value is None:
        return None
    low, high = bounds
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        violations.add(f"{field}.{key}", f"must be a whole number from {low} to {high}")
        return None
    return value


def next_instant(
    rule: WindowRule, after: datetime, zone: str | None, *, anchor: datetime | None = None
) -> datetime | None:
    """Return the first instant strictly after `after` that satisfies the rule in `zone`.

    Intervals, and a weekday or day of the month that the rule leaves open, count from `anchor`
    (default: `after`). None when no day can ever fit, or the calendar ends before.
    """
    candidates = _hours if rule.frequency is Frequency.HOURLY else _wall_times
    # Python adds wall-clock time to datetimes of other zones; all arithmetic here is exact.
    after, anchor = after.astimezone(UTC), (anchor or after).astimezone(UTC)
    try:
        for candidate in islice(candidates(rule, after, zone, anchor), _CANDIDATES):
            if candidate > after:
                return candidate
    except (OverflowError, ValueError):  # past the year 9999
        return None
    return None


def _hours(
    rule: WindowRule, after: datetime, zone: str | None, anchor: datetime
) -> Iterator[datetime]:
    """Every `interval` hours of real time, so that a clock change neither drops nor doubles one."""
    tz = zone_named(zone)
    local_anchor = anchor.astimezone(tz)
    first = anchor - timedelta(
        minutes=local_anchor.minute,
        seconds=local_anchor.second,
        microseconds=local_anchor.microsecond,
    )
    step = timedelta(hours=rule.interval)
    start = max(0, (after - first) // step - 1)
    for turn in range(start, start + _CANDIDATES):
        hour = first + turn * step
        # Zones that shift by half an hour move the minute of the wall clock: aim at it anew.
        ahead = (rule.minutes - hour.astimezone(tz).minute) % 60
        candidate = hour + timedelta(minutes=ahead)
        if rule.days is None or candidate.astimezone(tz).weekday() in rule.days:
            yield candidate


def _wall_times(
    rule: WindowRule, after: datetime, zone: str | None, anchor: datetime
) -> Iterator[datetime]:
    tz = zone_named(zone)
    at = time(rule.hours, rule.minutes)
    # A jump of the clocks may carry yesterday's time into today, hence one day earlier.
    start = after.astimezone(tz).date() - timedelta(days=1)
    for day in _DAYS_OF[rule.frequency](rule, start, anchor.astimezone(tz).date()):
        yield instant_at(datetime.combine(day, at), tz)


def _daily(rule: WindowRule, start: date, anchor: date) -> Iterator[date]:
    first = max(0, (start - anchor).days // rule.interval)
    for turn in range(first, first + _CANDIDATES):
        day = anchor + timedelta(days=turn * rule.interval)
        if rule.days is None or day.weekday() in rule.days:
            yield day


def _weekly(rule: WindowRule, start: date, anchor: date) -> Iterator[date]:
    monday = anchor - timedelta(days=anchor.weekday())
    weekdays = sorted(rule.days or {anchor.weekday()})
    for turn in count(max(0, (start - monday).days // (7 * rule.interval))):
        week = monday + timedelta(weeks=turn * rule.interval)
        yield from (week + timedelta(days=weekday) for weekday in weekdays)


def _monthly(rule: WindowRule, start: date, anchor: date) -> Iterator[date]:
    passed = (start.year - anchor.year) * 12 + start.month - anchor.month
    for turn in count(max(0, passed // rule.interval)):
        year, month = shift_month(anchor.year, anchor.month, turn * rule.interval)
        if rule.day_of_month is None and rule.days:  # the first of these weekdays in the month
            first_week = (date(year, month, day) for day in range(1, 8))
            yield next(day for day in first_week if day.weekday() in rule.days)
        else:
            yield date(year, month, clamped_day(year, month, rule.day_of_month or anchor.day))


def dynamic_duration(raw_value: JsonValue) -> Duration | None:
    """Return the Duration that a dynamic value is, if it is a usable one."""
    value = _decoded(raw_value)
    if not isinstance(value, dict) or "frequency" in value:
        return None
    try:
        return parse_duration(value, "window")
    except InvalidParams:
        return None


def resolve_dynamic(raw_value: JsonValue, now: datetime, zone: str | None) -> datetime | None:
    """Return the instant a dynamic value stands for: a timestamp, a Duration, or a window rule.

    Text that is JSON is read as JSON, since environment variables hold text. None when the value
    is missing, malformed or in the past; a Duration of zero means `now`.
    """
    value = _decoded(raw_value)
    if isinstance(value, str):
        moment = parse_instant(value)
        return moment if moment is not None and moment > now else None
    if not isinstance(value, dict):
        return None
    try:
        if "frequency" in value:
            return next_instant(parse_window_rule(value), now, zone)
        return add_duration(now, parse_duration(value, "window"))
    except (InvalidParams, OverflowError):
        return None


def _decoded(raw: JsonValue) -> JsonValue:
    """Read JSON where a string is that; a timestamp is none."""
    if isinstance(raw, str) and parse_instant(raw) is None:
        with suppress(ValueError, RecursionError):
            return json.loads(raw)
    return raw


_DAYS_OF = {Frequency.DAILY: _daily, Frequency.WEEKLY: _weekly, Frequency.MONTHLY: _monthly}
