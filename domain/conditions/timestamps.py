"""Timestamps in conditions: ISO 8601, or relative to now such as `30_days_ago`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from domain.kit.clock import parse_instant
from domain.kit.json_types import JsonValue

# Knock docs: "Conditions", relative timestamps.
MIN_RELATIVE = timedelta(minutes=15)
_RELATIVE = re.compile(
    r"\s*(?P<count>[0-9]{1,7})[ _]+(?P<unit>minute|hour|day|week)s?[ _]+"
    r"(?P<side>ago|from[ _]+now)\s*",
    re.IGNORECASE,
)


def parse_relative(text: JsonValue) -> timedelta | None:
    """Read `<n> <unit> ago` or `<n> <unit> from now`; None for anything else or any shorter."""
    match = _RELATIVE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    distance = timedelta(**{match["unit"].lower() + "s": int(match["count"])})
    if distance < MIN_RELATIVE:
        return None
    return -distance if match["side"].lower() == "ago" else distance


def read_timestamp(value: JsonValue, now: datetime) -> datetime | None:
    """Return the instant that an argument means, relative forms included, or None."""
    moment = parse_instant(value)
    if moment is not None:
        return moment
    distance = parse_relative(value)
    try:
        return None if distance is None else now.astimezone(UTC) + distance
    except OverflowError:
        return None
