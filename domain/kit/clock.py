"""The only place that reads the wall clock outside Temporal's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

_ZULU = "+00:00"


class Clock(Protocol):
    """Anything that tells the time; tests hand in their own."""

    def __call__(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


def utc_now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    """Write an instant as the API does: ISO 8601 in UTC with microseconds and `Z`."""
    if moment is None:
        return None
    text = moment.isoformat(timespec="microseconds")
    if not text.endswith(_ZULU):  # most instants come in UTC, and answers have hundreds of them
        text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return text.removesuffix(_ZULU) + "Z"


def in_words(moment: object) -> str:
    """Write an instant as sentences for people do, whether it is one or its text; else as it is."""
    known = moment if isinstance(moment, datetime) else parse_instant(moment)
    return f"{known.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if known else str(moment)


def parse_instant(text: object) -> datetime | None:
    """Read an ISO 8601 date-time or date; naive values are UTC; None when it is neither."""
    if not isinstance(text, str) or not text[:4].isdigit():
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: year 1 or 9999 beside its zone's offset
        return None
