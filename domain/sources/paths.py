"""Paths into an event of a source: `body.…` and `headers.…`; a bare path leads into the body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from domain.conditions.paths import MISSING, lookup_parts, split_path
from domain.kit.clock import parse_instant
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Wrong

ROOTS = ("body", "headers")
# What a preprocessing script would make of an event, where Knock runs one.
_OF_SCRIPTS = "preprocess"
NO_SCRIPTS = "preprocessing scripts are not supported by this version"
MAX_PATH = 255
# A number of seconds since 1970 lies below this, one of milliseconds above.
_MILLISECONDS_FROM = 100_000_000_000


def event_path(path: str | None) -> str | None:
    """Check a path as a source's settings have it; nothing is no path."""
    if not path:
        return None
    if len(path) > MAX_PATH or not all(map(str.strip, split_path(path))):
        raise Wrong(f"must be a path of at most {MAX_PATH} characters, such as body.type")
    if _is_of_script(path):
        raise Wrong(NO_SCRIPTS)
    return path


def script_paths(value: JsonValue, place: str = "", *, root: str = "") -> Iterator[FieldError]:
    """Yield the strings in a value that lead into what a script would make, each at its place.

    Args:
        value: parameters or conditions as they are written.
        place: of the value.
        root: what stands before such a path there, such as `event.`.
    """
    if isinstance(value, str) and value.startswith(root) and _is_of_script(value[len(root) :]):
        yield FieldError(place, NO_SCRIPTS)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from script_paths(member, f"{place}.{name}", root=root)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from script_paths(entry, f"{place}[{index}]", root=root)


def _is_of_script(path: str) -> bool:
    return path.startswith(f"{_OF_SCRIPTS}.")


def parts_of(path: str) -> tuple[str, ...]:
    """Return the root of a path into an event and the names behind it.

    Names of headers have no case; ours are stored in small letters.
    """
    parts = split_path(path)
    if parts[0] not in ROOTS or len(parts) == 1:
        parts = ("body", *parts)
    if parts[0] == "headers":
        parts = ("headers", *(part.lower() for part in parts[1:]))
    return parts


def found_at(event: JsonObject, path: str) -> JsonValue:
    """Return what a path finds in `{"body", "headers"}`; None when it is nothing."""
    found: Any = lookup_parts(event, parts_of(path))
    return None if found is MISSING else found


class Headers(Mapping[str, JsonValue]):
    """The headers of an event, whose names have no case, as conditions see them."""

    def __init__(self, stored: JsonObject) -> None:
        self._stored = stored

    def __getitem__(self, name: str) -> JsonValue:
        return self._stored[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


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
