"""Filters for dates and times: `timezone` and `date` (Knock docs: "Liquid helpers")."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from liquid.undefined import is_undefined

from domain.clock import utc_now
from templating.printing import to_text

_MAX_FORMAT = 256
_OWN_DIRECTIVES = re.compile(r"%(%|s|L)")


def read_moment(value: object) -> datetime | None:
    """Read ISO 8601 text, Unix seconds or `now`; keeps the offset, naive values are UTC.

    Returns None for anything else.
    """
    if isinstance(value, bool) or is_undefined(value):
        return None
    if isinstance(value, (int, float)):
        return _from_seconds(value)
    return _read_text(value.strip()) if isinstance(value, str) else None


def _read_text(text: str) -> datetime | None:
    if text in {"now", "today"}:
        return utc_now()
    if text.isascii() and text.isdigit():
        return _from_seconds(int(text[:20]))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _from_seconds(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def find_zone(name: object) -> ZoneInfo:
    """Return the IANA time zone; raise ValueError when there is none of that name."""
    try:
        return ZoneInfo(to_text(name))
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"unknown time zone '{to_text(name)[:64]}'") from error


def timezone(value: object, zone: object) -> str:
    """Move a moment to a time zone, as ISO 8601 with offset; what is no moment stays as it is."""
    moment = read_moment(value)
    if moment is None:
        return to_text(value)
    return moment.astimezone(find_zone(zone)).isoformat()


def date(value: object, pattern: object = None, zone: object = None) -> str:
    """Write a moment by a strftime pattern, first moved to the zone when one is given."""
    moment = read_moment(value)
    if moment is None or pattern is None or is_undefined(pattern):
        return to_text(value)
    if zone is not None and not is_undefined(zone):
        moment = moment.astimezone(find_zone(zone))
    layout = to_text(pattern)
    if len(layout) > _MAX_FORMAT:
        raise ValueError(f"a date format may have at most {_MAX_FORMAT} characters")
    return moment.strftime(_OWN_DIRECTIVES.sub(lambda match: _directive(match[1], moment), layout))


def _directive(letter: str, moment: datetime) -> str:
    # `%s` of the C library ignores the offset, and `%L` is known to Ruby and Elixir only.
    if letter == "s":
        return str(int(moment.timestamp()))
    return f"{moment.microsecond // 1000:03d}" if letter == "L" else "%%"


TIME_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (("timezone", timezone), ("date", date))
