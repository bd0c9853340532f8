"""Named time zones, and what a wall-clock time in one of them means as an instant."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

FALLBACK_ZONE = "Etc/UTC"
# Longer than any; what was asked for is remembered, and anybody may ask.
_LONGEST = 64


@lru_cache(maxsize=1024)
def zone_named(name: str | None) -> ZoneInfo:
    """Return the IANA zone; an unknown, malformed or absent name means `Etc/UTC`."""
    try:
        return ZoneInfo(name or FALLBACK_ZONE)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder, such as "America"
        return ZoneInfo(FALLBACK_ZONE)


def is_zone(name: str) -> bool:
    """Tell whether a name is that of an IANA zone."""
    return 0 < len(name) <= _LONGEST and zone_named(name).key == name


def first_zone(*names: object) -> str:
    """Return the first that is the name of a zone; when none is, `Etc/UTC`.

    Source: Knock docs, "Account timezone".
    """
    return next((one for one in names if isinstance(one, str) and is_zone(one)), FALLBACK_ZONE)


def instant_at(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the UTC instant of a naive wall-clock time.

    A time that the clocks jump over moves forward by the length of the jump; one that happens
    twice means its first occurrence. Both follow from `fold=0` (PEP 495).
    """
    return local.replace(tzinfo=zone, fold=0).astimezone(UTC)
