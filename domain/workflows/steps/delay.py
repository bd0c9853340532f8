"""The delay step: how long a run waits (Knock docs: "Delay function")."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.kit.durations import Duration, add_duration, parse_duration
from domain.kit.json_types import JsonValue
from domain.kit.shapes import JudgedBy, Shape, Wrong
from domain.workflows.steps.base import BaseStep
from domain.workflows.steps.settings import LENGTH, given, instant_at_path, rooted_path


def _length(raw: JsonValue, info: ValidationInfo) -> Duration | None:
    if raw is None or isinstance(raw, Duration):
        return raw
    # Before the timestamp at the path: only an offset may be negative.
    has_path = bool(info.data.get("delay_until_field_path"))
    return parse_duration(raw, "", allow_negative=has_path)


class DelaySettings(Shape):
    """How long: a fixed time, until the value at a path, or an offset from the value at a path."""

    delay_until_field_path: Annotated[str | None, AfterValidator(rooted_path)] = Field(
        None, description="Path of the time, such as `data.starts_at`."
    )
    delay_for: Annotated[Duration | None, JudgedBy(_length, LENGTH)] = Field(
        None, description="With a path: an offset from its value, which may be negative."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.delay_for is None and self.delay_until_field_path is None:
            raise Wrong("needs delay_for, delay_until_field_path, or both")
        return self


class DelayStep(BaseStep):
    """Wait, then go on."""

    type: Literal["delay"] = "delay"
    settings: Annotated[DelaySettings, BeforeValidator(given)]


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
            target = instant_at_path(path, length, scope_values, now, zone)
            if target.at is None:
                return DelayDecision(skip_reason=target.problem)
            return _waiting(target.at, now)
        return _waiting(add_duration(now, length) if length else now, now)
    except OverflowError:
        return DelayDecision(skip_reason="the delay would end outside the years 1 to 9999")


def _waiting(until: datetime, now: datetime) -> DelayDecision:
    return DelayDecision(until=until if until > now else None)
