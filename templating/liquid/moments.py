"""Reading moments in the spellings that data brings: ISO 8601, Unix time, RFC 2822, words.

JSON has no dates, so they come as strings, spelled as their writers do: `2024-03-05T10:00:00Z`,
`Tue, 05 Mar 2024 10:00:00 +0200`, JavaScript's `Tue Mar 05 2024 10:00:00 GMT+0200 (…)`, or
`March 5, 2024`. Only spellings that can mean no more than one day are read: `05/03/2024` and
`next week` are not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta, timezone

from domain.kit.clock import utc_now

# What `now` is for templates that are rendered on a clock of their own; None is the wall clock.
NOW: ContextVar[datetime | None] = ContextVar("NOW", default=None)

_MAX_CHARACTERS = 100
# From here on a number counts milliseconds; as seconds it would be the year 5138.
_FIRST_MILLISECONDS = 1e11
_COMMENT = re.compile(r"\([^()]*\)")
_WORDS = re.compile(r"[\s,]+")
_HALF = re.compile(r"(\d)\s+([AaPp][Mm])\b")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
           "october", "november", "december")  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# The zones of RFC 2822, in hours; other abbreviations mean several zones each.
_ZONES = {"z": 0, "utc": 0, "gmt": 0, "ut": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5,
          "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}  # fmt: skip
_NAMES: dict[str, dict[str, int]] = {
    "at": {},
    **{name: {} for day in _WEEKDAYS for name in (day, day[:3])},
    **{name: {"month": n} for n, month in enumerate(_MONTHS, 1)
       for name in (month, month[:3], month[:4])},
    **{name: {"offset": 60 * hours} for name, hours in _ZONES.items()},
}  # fmt: skip


def read_moment(value: object) -> datetime | None:
    """Read a moment; it keeps its offset, and without one it is UTC. None for anything else.

    Numbers, and strings of digits, count seconds since 1970, from 1e11 on milliseconds.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_number(value)
    text = value.strip() if isinstance(value, str) else ""
    if text in {"now", "today"}:
        return NOW.get() or utc_now()
    if not text or len(text) > _MAX_CHARACTERS:
        return None
    if text.isascii() and text.isdigit():
        return _from_number(int(text[:20]))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _read_words(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _from_number(number: float) -> datetime | None:
    seconds = number / 1_000 if abs(number) >= _FIRST_MILLISECONDS else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _read_words(text: str) -> datetime | None:
    """Read a date of words, in any order; None as soon as one word has no place in a date."""
    parts: dict[str, int] = {}
    for word in _WORDS.split(_HALF.sub(r"\1\2", _COMMENT.sub("", text)).strip()):
        found = _read_word(word.lower())
        if found is None or parts.keys() & found.keys():
            return None
        parts |= found
    zone = timezone(timedelta(minutes=parts.pop("offset", 0)))
    try:
        return datetime(**parts, tzinfo=zone)
    except (TypeError, ValueError):
        return None  # a part is missing, or that day does not exist


def _read_word(word: str) -> dict[str, int] | None:
    """Return the parts of a date that a word gives, None for a word that gives none."""
    for pattern, read in _PATTERNS:
        if match := pattern.fullmatch(word):
            return read(match)
    return _NAMES.get(word.rstrip("."))


def _time(match: re.Match[str]) -> dict[str, int]:
    hour = int(match[1])
    if match[5]:
        hour = hour % 12 + 12 * (match[5] == "pm")
    return {
        "hour": hour,
        "minute": int(match[2]),
        "second": int(match[3] or 0),
        "microsecond": int((match[4] or "").ljust(6, "0")),
    }


def _offset(match: re.Match[str]) -> dict[str, int]:
    minutes = int(match[2]) * 60 + int(match[3])
    return {"offset": -minutes if match[1] == "-" else minutes}


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], dict[str, int]]], ...] = (
    (
        re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})"),
        lambda day: {"year": int(day[1]), "month": int(day[2]), "day": int(day[3])},
    ),
    (
        re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6})[0-9]*)?)?(am|pm)?"),
        _time,
    ),
    (re.compile(r"(?:gmt|utc)?([+-])([0-9]{2}):?([0-9]{2})"), _offset),
    (re.compile(r"([0-9]{4})"), lambda year: {"year": int(year[1])}),
    (re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?"), lambda day: {"day": int(day[1])}),
)
