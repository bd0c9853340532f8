"""Lengths of time as workflows write them: a unit and a whole number (Knock docs: "Delay")."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.violations import Violations

# A year, in whichever unit it is written (Knock docs: "Delay function", limits).
MAX_DELAY = timedelta(days=365)


class DurationUnit(StrEnum):
    """The units of a duration; months are calendar months in UTC."""

    SECONDS = "seconds"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


MAX_VALUE: dict[DurationUnit, int] = {
    DurationUnit.SECONDS: 365 * 86_400,
    DurationUnit.MINUTES: 365 * 1_440,
    DurationUnit.HOURS: 365 * 24,
    DurationUnit.DAYS: 365,
    DurationUnit.WEEKS: 52,
    DurationUnit.MONTHS: 12,
}
_UNITS = tuple(unit.value for unit in DurationUnit)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time; a negative value reaches back and is only for offsets."""

    unit: DurationUnit
    value: int


def parse_duration(raw: JsonValue, field: str, *, allow_negative: bool = False) -> Duration:
    """Read `{"unit", "value"}`; raises InvalidParams, also beyond a year."""
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object with unit and value")
    violations = Violations()
    unit: JsonValue = raw.get("unit")
    if unit not in _UNITS:
        violations.add(f"{field}.unit", f"must be one of: {', '.join(_UNITS)}")
    value: JsonValue = raw.get("value")
    if not isinstance(value, int) or isinstance(value, bool):
        violations.add(f"{field}.value", "must be a whole number")
    elif value < 0 and not allow_negative:
        violations.add(f"{field}.value", "must not be negative")
    elif unit in _UNITS and abs(value) > MAX_VALUE[DurationUnit(unit)]:
        violations.add(f"{field}.value", "must not be longer than 365 days")
    violations.raise_any()
    return Duration(DurationUnit(unit), value)


def add_duration(moment: datetime, duration: Duration) -> datetime:
    """Return the UTC instant that far from `moment`; a month's day is clamped to its length.

    Raises OverflowError beyond the years 1 and 9999.
    """
    moment = moment.astimezone(UTC)
    if duration.unit is DurationUnit.MONTHS:
        year, month = shift_month(moment.year, moment.month, duration.value)
        return moment.replace(year=year, month=month, day=clamped_day(year, month, moment.day))
    return moment + timedelta(**{duration.unit.value: duration.value})


def shift_month(year: int, month: int, months: int) -> tuple[int, int]:
    """Return the year and month that lie `months` away; raises OverflowError off the calendar."""
    shifted_year, zero_based = divmod(year * 12 + month - 1 + months, 12)
    if not 1 <= shifted_year <= 9999:
        raise OverflowError("the calendar ends with the year 9999")
    return shifted_year, zero_based + 1


def clamped_day(year: int, month: int, day: int) -> int:
    """Return the day, or the month's last one when the month is shorter."""
    return min(day, calendar.monthrange(year, month)[1])
