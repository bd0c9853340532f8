"""Send windows: on which days and hours a channel step may send (Knock docs: "Send windows")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.violations import Violations
from domain.kit.zones import instant_at, zone_named

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY_SECONDS = 86_400
_CLOCK_TIME = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)
# Two weeks: a clock change may swallow the only opening of the coming one.
_DAYS_AHEAD = 15


@dataclass(frozen=True, slots=True)
class SendWindow:
    """One weekday (Monday 0): open from `opens` until before `closes`, in seconds of the day."""

    weekday: int
    sends: bool
    opens: int = 0
    closes: int = DAY_SECONDS


class OpeningState(StrEnum):
    """Whether a window lets a message through."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Opening:
    """When a message may go; `at` is the UTC instant of an opening that lies ahead."""

    state: OpeningState
    at: datetime | None = None


OPEN_NOW = Opening(OpeningState.NOW)
NEVER_OPEN = Opening(OpeningState.NEVER)


def parse_send_windows(raw: JsonValue, field: str = "send_windows") -> tuple[SendWindow, ...]:
    """Read the list of days; null and [] mean no restriction. Raises InvalidParams."""
    if raw is None:
        return ()
    if not isinstance(raw, list):
        raise InvalidParams.of(field, "must be a list of days")
    violations = Violations()
    windows: dict[int, SendWindow] = {}
    for index, entry in enumerate(raw):
        window = violations.check(_parse_window, entry, f"{field}[{index}]")
        if window is not None and window.weekday in windows:
            violations.add(f"{field}[{index}].day", "appears more than once")
        elif window is not None:
            windows[window.weekday] = window
    violations.raise_any()
    return tuple(windows.values())


def _parse_window(raw: JsonValue, field: str) -> SendWindow:
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object with day and type")
    violations = Violations()
    day = raw.get("day")
    if day not in DAYS:
        violations.add(f"{field}.day", f"must be one of: {', '.join(DAYS)}")
    kind = raw.get("type")
    if kind not in ("send", "do_not_send"):
        violations.add(f"{field}.type", "must be send or do_not_send")
    opens, closes = 0, DAY_SECONDS
    # The hours of a blocked day mean nothing, so they are not judged either.
    if kind != "do_not_send":
        before = len(violations)
        begin = violations.check(_seconds, raw.get("from"), f"{field}.from")
        until = violations.check(_seconds, raw.get("until"), f"{field}.until")
        opens, closes = begin or 0, DAY_SECONDS if until is None else until
        if len(violations) == before and opens >= closes:
            violations.add(f"{field}.until", "must be later than from, on the same day")
    violations.raise_any()
    return SendWindow(DAYS.index(day), kind == "send", opens, closes)


def _seconds(raw: JsonValue, field: str) -> int | None:
    """Read `HH:MM`, `HH:MM:SS` or minutes of the day as seconds of the day."""
    seconds = -1
    if raw is None:
        return None
    if isinstance(raw, int) and not isinstance(raw, bool):
        seconds = raw * 60
    elif isinstance(raw, str) and (match := _CLOCK_TIME.fullmatch(raw)):
        hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    if not 0 <= seconds <= DAY_SECONDS:
        raise InvalidParams.of(field, "must be a time of day, HH:MM or HH:MM:SS")
    return seconds


def next_opening(windows: Sequence[SendWindow], now: datetime, zone: str | None) -> Opening:
    """Tell when a message may go: now, at an instant, or never.

    A day that the list does not name is open all day; `zone` is the recipient's.
    """
    if not windows:
        return OPEN_NOW
    by_weekday = {window.weekday: window for window in windows}
    tz = zone_named(zone)
    now = now.astimezone(UTC)
    today = now.astimezone(tz).date()
    for ahead in range(_DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        window = by_weekday.get(day.weekday(), SendWindow(day.weekday(), sends=True))
        if not window.sends:
            continue
        opens, closes = _at(day, window.opens, tz), _at(day, window.closes, tz)
        if opens <= now < closes:
            return OPEN_NOW
        if now < opens < closes:
            return Opening(OpeningState.LATER, opens)
    return NEVER_OPEN


def _at(day: date, seconds: int, tz: ZoneInfo) -> datetime:
    return instant_at(datetime.combine(day, time()) + timedelta(seconds=seconds), tz)
