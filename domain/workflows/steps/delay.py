"""The delay step: how long a run waits (Knock docs: "Delay function")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.conditions import MISSING, lookup
from domain.conditions.paths import is_path, split_path
from domain.kit.clock import parse_instant
from domain.kit.durations import MAX_DELAY, Duration, DurationUnit, add_duration, parse_duration
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations
from domain.kit.windows import resolve_dynamic
from domain.workflows.steps.base import BaseStep, optional_object, optional_text, parse_common

PATH_PREFIXES = ("data", "recipient", "actor", "tenant", "vars")


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayStep(BaseStep):
    """Wait a fixed time, until the value at a path, or an offset from the timestamp at a path."""

    step_type = "delay"

    delay_for: Duration | None = None
    until_path: str | None = None


@dataclass(frozen=True, slots=True)
class DelayDecision:
    """Wait until an instant (UTC); or go on at once, with a reason when the step is skipped."""

    until: datetime | None = None
    skip_reason: str | None = None


def parse_delay(raw: JsonObject, field: str, violations: Violations) -> DelayStep:
    """Read a delay step; what is wrong goes to `violations`."""
    common = parse_common(raw, field, violations)
    place = f"{field}.settings"
    if raw.get("settings") is None:
        violations.add(place, "is required")
        return DelayStep(**common)
    settings = optional_object(raw, "settings", field, violations)
    if settings is None:
        return DelayStep(**common)
    path = _parse_path(settings, place, violations)
    raw_length = settings.get("delay_for")
    if raw_length is None and not settings.get("delay_until_field_path"):
        violations.add(place, "needs delay_for, delay_until_field_path, or both")

    def parse_length(value: JsonValue, at: str) -> Duration | None:
        # Before the timestamp at the path: only an offset may be negative.
        return None if value is None else parse_duration(value, at, allow_negative=bool(path))

    length = violations.check(parse_length, raw_length, f"{place}.delay_for")
    return DelayStep(**common, delay_for=length, until_path=path)


def _parse_path(settings: JsonObject, field: str, violations: Violations) -> str | None:
    """Read the path and give a bare one its root, `data`."""
    path = optional_text(settings, "delay_until_field_path", field, violations)
    if not path:
        return None
    root, *rest = split_path(path)
    whole = path if root in PATH_PREFIXES and rest else f"data.{path}"
    if not is_path(whole):
        violations.add(f"{field}.delay_until_field_path", "must be a path such as data.items[0].at")
        return None
    return whole


def decide_delay(
    step: DelayStep, scope_values: Mapping[str, Any], now: datetime, zone: str | None
) -> DelayDecision:
    """Decide how long the run waits; `zone` is the recipient's, for window rules.

    A value that is missing, malformed, past or beyond 365 days skips the step with a reason.
    """
    now = now.astimezone(UTC)
    try:
        if step.until_path is None:
            length = step.delay_for
            return _waiting(add_duration(now, length) if length else now, now)
        return _until_path(step, step.until_path, scope_values, now, zone)
    except OverflowError:
        return DelayDecision(skip_reason="the delay gives a time off the calendar")


def _until_path(
    step: DelayStep, path: str, scope_values: Mapping[str, Any], now: datetime, zone: str | None
) -> DelayDecision:
    raw = lookup(scope_values, path)
    if raw is MISSING or raw is None or raw == "":
        return DelayDecision(skip_reason=f"{path} is not set")
    # A timestamp in the past is no way to wait by itself, but an offset may start from it.
    target = parse_instant(raw) or resolve_dynamic(raw, now, zone)
    if target is None:
        return DelayDecision(
            skip_reason=f"{path} is no timestamp, duration or window rule that lies ahead"
        )
    if step.delay_for is not None:
        target = add_duration(target, step.delay_for)
    if target < now or (target == now and parse_instant(raw) is not None):
        return DelayDecision(skip_reason=f"the time that {path} gives is in the past")
    # Twelve calendar months are a year too, in a leap year as well.
    if target > max(now + MAX_DELAY, add_duration(now, Duration(DurationUnit.MONTHS, 12))):
        return DelayDecision(skip_reason=f"{path} gives a time more than 365 days ahead")
    return _waiting(target, now)


def _waiting(until: datetime, now: datetime) -> DelayDecision:
    return DelayDecision(until=until if until > now else None)
