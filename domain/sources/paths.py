"""Paths into an event of a source: `body.…` and `headers.…`; a bare path leads into the body."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from domain.conditions.paths import MISSING, lookup_parts, split_path
from domain.kit.clock import parse_instant
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Wrong

ROOTS = ("body", "headers")
MAX_PATH = 255
# A number of seconds since 1970 lies below this, one of milliseconds above.
_MILLISECONDS_FROM = 100_000_000_000


def event_path(path: str | None) -> str | None:
    """Check a path as a source's settings have it; nothing is no path."""
    if not path:
        return None
    if len(path) > MAX_PATH or not all(map(str.strip, split_path(path))):
        raise Wrong(f"must be a path of at most {MAX_PATH} characters, such as body.type")
    if path.startswith("preprocess."):
        raise Wrong("preprocessing scripts are not supported by this version")
    return path


def found_at(event: JsonObject, path: str) -> JsonValue:
    """Return what a path finds in `{"body", "headers"}`; None when it is nothing."""
    parts = split_path(path)
    if parts[0] not in ROOTS or len(parts) == 1:
        parts = ("body", *parts)
    if parts[0] == "headers":
        # Names of headers have no case; ours are stored in small letters.
        parts = ("headers", *(part.lower() for part in parts[1:]))
    found: Any = lookup_parts(event, parts)
    return None if found is MISSING else found


def instant_at(event: JsonObject, path: str | None, now: datetime) -> datetime:
    """Return when an event says that it happened: ISO 8601, or a number since 1970; else `now`."""
    raw = found_at(event, path) if path else None
    if isinstance(raw, str) and raw.replace(".", "", 1).isdecimal():
        raw = float(raw)
    if isinstance(raw, (int, float)) and not isinstance(raw, bool):
        try:
            seconds = raw / 1000 if abs(raw) >= _MILLISECONDS_FROM else raw
            return datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, ValueError, OSError):
            return now
    return parse_instant(raw) or now
