"""The throttle step: how many runs may pass, and in which time (Knock docs: "Throttle")."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import Field, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.conditions import MISSING, lookup
from domain.kit.authored import Template
from domain.kit.durations import Duration, add_duration, parse_duration
from domain.kit.json_types import JsonValue
from domain.kit.liquid import has_liquid
from domain.kit.shapes import Shape, Wrong, parsed_by
from domain.kit.windows import dynamic_duration, resolve_dynamic
from domain.workflows.steps.base import BaseStep
from domain.workflows.steps.settings import LENGTH, given, path_or_liquid, rooted_path

MAX_WINDOW = timedelta(days=31)
# A key has fewer characters than this, as JSON and then as part of a URL.
_KEY_LENGTH = 64
_SOME_MONTH = datetime(2026, 1, 1, tzinfo=UTC)


def _window(raw: JsonValue, field: str) -> Duration | None:
    if raw is None or isinstance(raw, Duration):
        return raw
    window = parse_duration(raw, field)
    if add_duration(_SOME_MONTH, window) - _SOME_MONTH > MAX_WINDOW:
        raise Wrong("must not be longer than 31 days")
    return window


def _limit(raw: JsonValue) -> JsonValue:
    return 1 if raw is None else raw


class ThrottleSettings(Shape):
    """How many, in which time, and what is counted apart."""

    throttle_key: Annotated[str | None, AfterValidator(path_or_liquid)] = Field(
        None,
        description=(
            "A path such as `data.alert_id`, or Liquid; each value is counted separately."
        ),
    )
    throttle_limit: Annotated[int, BeforeValidator(_limit), Field(ge=1)] = Field(
        1, description="How many runs of a recipient pass within the window."
    )
    throttle_window_field_path: Annotated[str | None, AfterValidator(rooted_path)] = Field(
        None, description="Path of the window, such as `recipient.quiet_for`."
    )
    throttle_window: Annotated[Duration | None, parsed_by(_window, LENGTH)] = Field(
        None, description="How long a passed run counts; at most 31 days."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.throttle_window is None and self.throttle_window_field_path is None:
            raise Wrong("needs throttle_window or throttle_window_field_path")
        return self


class ThrottleStep(BaseStep):
    """Let so many runs pass within a window, and end the others."""

    type: Literal["throttle"] = "throttle"
    settings: Annotated[ThrottleSettings, BeforeValidator(given)]

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the key, when it is Liquid."""
        key = self.settings.throttle_key
        if key and has_liquid(key):
            yield Template(f"{place}.settings.throttle_key", key)


@dataclass(frozen=True, slots=True)
class ThrottleWindow:
    """Which passes count.

    Attributes:
        since: those after it, of a window that looks back; None for one with a fixed end, which
            the first pass opens.
        ends_at: when a pass of now counts no more, or the window that it opens ends.
    """

    since: datetime | None
    ends_at: datetime


def decide_window(
    settings: ThrottleSettings, scope_values: Mapping[str, Any], now: datetime, zone: str | None
) -> ThrottleWindow | str:
    """Return the window of a step as of now, or why there is none.

    A length of time looks back from each run. A timestamp or a window rule is the end of a window
    that the first run opens, in the recipient's zone.
    """
    path, length = settings.throttle_window_field_path, settings.throttle_window
    now = now.astimezone(UTC)
    ends_at = None
    if path is not None:
        raw = lookup(scope_values, path)
        if raw is MISSING or raw is None or raw == "":
            return f"{path} is not set"
        length = dynamic_duration(raw)
        if length is None:
            ends_at = resolve_dynamic(raw, now, zone)
    if length is not None:
        back = Duration(length.unit, -length.value)
        window = ThrottleWindow(add_duration(now, back), add_duration(now, length))
    elif ends_at is not None:
        window = ThrottleWindow(None, ends_at)
    else:
        return f"{path} is not a timestamp, duration or window rule in the future"
    if window.ends_at - now > MAX_WINDOW:  # a calendar month is 31 days at most
        return f"{path} gives a window of more than 31 days"
    return window


def key_of(value: JsonValue) -> str | None:
    """Write the value of a key as it is counted by; None when it is missing or too long."""
    if value is MISSING or value is None or value == "":
        return None
    try:
        written = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return None
    return written if len(quote(written, safe="")) < _KEY_LENGTH else None
