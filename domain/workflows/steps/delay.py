"""The delay step: how long a run waits (Knock docs: "Delay function")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.conditions import MISSING, lookup
from domain.conditions.paths import is_path, split_path
from domain.kit.clock import parse_instant
from domain.kit.durations import MAX_DELAY, Duration, DurationUnit, add_duration, parse_duration
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.shapes import Absent, JudgedBy, Shape, Wrong, refusal
from domain.kit.windows import resolve_dynamic
from domain.workflows.steps.base import BaseStep

PATH_PREFIXES = ("data", "recipient", "actor", "tenant", "vars")


_LENGTH = {
    "type": ["object", "null"],
    "properties": {
        "unit": {"type": "string", "enum": [unit.value for unit in DurationUnit]},
        "value": {"type": "integer"},
    },
    "required": ["unit", "value"],
}


def _path(path: str | None) -> str | None:
    """Give a bare path its root, `data`."""
    if not path:
        return None
    root, *rest = split_path(path)
    whole = path if root in PATH_PREFIXES and rest else f"data.{path}"
    if not is_path(whole):
        raise Wrong("must be a path such as data.items[0].at")
    return whole


def _length(raw: JsonValue, info: ValidationInfo) -> Duration | None:
    if raw is None or isinstance(raw, Duration):
        return raw
    # Before the timestamp at the path: only an offset may be negative.
    has_path = bool(info.data.get("delay_until_field_path"))
    try:
        return parse_duration(raw, "", allow_negative=has_path)
    except InvalidParams as refused:
        raise refusal(refused.errors) from None


class DelaySettings(Shape):
    """How long: a fixed time, until the value at a path, or an offset from the value at a path."""

    delay_until_field_path: Annotated[str | None, AfterValidator(_path)] = Field(
        None, description="Where the time stands, such as `data.starts_at`."
    )
    delay_for: Annotated[Duration | None, JudgedBy(_length, _LENGTH)] = Field(
        None, description="With a path an offset from it, which may be negative."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.delay_for is None and self.delay_until_field_path is None:
            raise Wrong("needs delay_for, delay_until_field_path, or both")
        return self


def _given(raw: JsonValue) -> JsonValue:
    if raw is None:
        raise Absent("is required")
    return raw


class DelayStep(BaseStep):
    """Wait, then go on."""

    type: Literal["delay"] = "delay"
    settings: Annotated[DelaySettings, BeforeValidator(_given)]


@dataclass(frozen=True, slots=True)
class DelayDecision:
    """Wait until an instant (UTC); or go on at once, with a reason when the step is skipped."""

    until: datetime | None = None
    skip_reason: str | None = None


def decide_delay(
    step: DelayStep, scope_values: Mapping[str, Any], now: datetime, zone: str | None
) -> DelayDecision:
    """Decide how long the run waits; `zone` is the recipient's, for window rules.

    A value that is missing, malformed, past or beyond 365 days skips the step with a reason.
    """
    now = now.astimezone(UTC)
    path, length = step.settings.delay_until_field_path, step.settings.delay_for
    try:
        if path is not None:
            return _until_path(path, length, scope_values, now, zone)
        return _waiting(add_duration(now, length) if length else now, now)
    except OverflowError:
        return DelayDecision(skip_reason="the delay gives a time off the calendar")


def _until_path(
    path: str,
    offset: Duration | None,
    scope_values: Mapping[str, Any],
    now: datetime,
    zone: str | None,
) -> DelayDecision:
    raw = lookup(scope_values, path)
    if raw is MISSING or raw is None or raw == "":
        return DelayDecision(skip_reason=f"{path} is not set")
    # A timestamp in the past gives nothing to wait for, but an offset may start from it.
    target = parse_instant(raw) or resolve_dynamic(raw, now, zone)
    if target is None:
        return DelayDecision(
            skip_reason=f"{path} is not a timestamp, duration or window rule that lies ahead"
        )
    if offset is not None:
        target = add_duration(target, offset)
    if target < now or (target == now and parse_instant(raw) is not None):
        return DelayDecision(skip_reason=f"the time that {path} gives is in the past")
    # Twelve calendar months are a year too, in a leap year as well.
    if target > max(now + MAX_DELAY, add_duration(now, Duration(DurationUnit.MONTHS, 12))):
        return DelayDecision(skip_reason=f"{path} gives a time more than 365 days ahead")
    return _waiting(target, now)


def _waiting(until: datetime, now: datetime) -> DelayDecision:
    return DelayDecision(until=until if until > now else None)
