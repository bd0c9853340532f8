"""What the settings of several steps have in common: lengths of time, and paths to values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.conditions import MISSING, lookup
from domain.conditions.paths import is_path, split_path
from domain.kit.clock import parse_instant
from domain.kit.durations import MAX_DELAY, Duration, DurationUnit, add_duration
from domain.kit.json_types import JsonValue
from domain.kit.liquid import has_liquid
from domain.kit.shapes import Absent, Wrong
from domain.kit.windows import resolve_dynamic

PATH_PREFIXES = ("data", "recipient", "actor", "tenant", "vars")
# How a length of time is documented.
LENGTH = {
    "type": ["object", "null"],
    "properties": {
        "unit": {"type": "string", "enum": [unit.value for unit in DurationUnit]},
        "value": {"type": "integer"},
    },
    "required": ["unit", "value"],
}


def rooted_path(path: str | None) -> str | None:
    """Give a bare path its root, `data`."""
    if not path:
        return None
    root, *rest = split_path(path)
    whole = path if root in PATH_PREFIXES and rest else f"data.{path}"
    if not is_path(whole):
        raise Wrong("must be a path such as data.items[0].at")
    return whole


def path_or_liquid(key: str | None) -> str | None:
    """Give a key its root where it is a bare path; Liquid stays as it is."""
    return key if key and has_liquid(key) else rooted_path(key)


def given(raw: JsonValue) -> JsonValue:
    """Refuse a member that is not there."""
    if raw is None:
        raise Absent("is required")
    return raw


@dataclass(frozen=True, slots=True)
class Target:
    """The instant that a step's settings lead to, or why they lead to none."""

    at: datetime | None = None
    problem: str | None = None


def instant_at_path(
    path: str,
    offset: Duration | None,
    scope_values: Mapping[str, Any],
    now: datetime,
    zone: str | None,
) -> Target:
    """Resolve the dynamic value at a path, and an offset from it.

    Args:
        path: with its root.
        offset: added to what the path gives, or None.
        scope_values: what paths lead through.
        now: in UTC.
        zone: the recipient's, for window rules.

    Raises:
        OverflowError: the offset leads off the calendar.
    """
    raw = lookup(scope_values, path)
    if raw is MISSING or raw is None or raw == "":
        return Target(problem=f"{path} is not set")
    # A timestamp in the past gives nothing to wait for, but an offset may start from it.
    target = parse_instant(raw) or resolve_dynamic(raw, now, zone)
    if target is None:
        return Target(problem=f"{path} is not a timestamp, duration or window rule in the future")
    if offset is not None:
        target = add_duration(target, offset)
    if target < now or (target == now and parse_instant(raw) is not None):
        return Target(problem=f"the time that {path} gives is in the past")
    # Twelve calendar months are a year too, in a leap year as well.
    if target > max(now + MAX_DELAY, add_duration(now, Duration(DurationUnit.MONTHS, 12))):
        return Target(problem=f"{path} gives a time more than 365 days ahead")
    return Target(at=target)
