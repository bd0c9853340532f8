"""The batch step: what is gathered for a recipient, and for how long (Knock docs: "Batch")."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationInfo, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.conditions import MISSING, lookup
from domain.kit.authored import Template
from domain.kit.durations import Duration, add_duration, parse_duration
from domain.kit.json_types import JsonValue
from domain.kit.liquid import has_liquid
from domain.kit.shapes import JudgedBy, Shape, Wrong
from domain.workflows.steps.base import BaseStep
from domain.workflows.steps.settings import (
    LENGTH,
    Target,
    given,
    instant_at_path,
    path_or_liquid,
    rooted_path,
)

E = TypeVar("E", bound=StrEnum)

MIN_ITEMS, MAX_ITEMS = 2, 1000
MAX_RENDERED = 100
DEFAULT_RENDERED = 10


class WindowType(StrEnum):
    """Whether later items move the end of a window."""

    FIXED = "fixed"
    SLIDING = "sliding"


class Order(StrEnum):
    """Which items are rendered when there are too many: the first or the last ones."""

    FIRST = "asc"
    LAST = "desc"


class ExecutionMode(StrEnum):
    """Whether the item that opens a window waits, or goes through at once."""

    ACCUMULATE = "accumulate"
    FLUSH_LEADING = "flush_leading"


class VersionMode(StrEnum):
    """Which version of the workflow goes on when a window closes."""

    LATEST = "latest"
    PINNED = "pinned"


def _length(raw: JsonValue, info: ValidationInfo) -> Duration | None:
    if raw is None or isinstance(raw, Duration):
        return raw
    # Before the timestamp at the path: only an offset may be negative.
    is_offset = info.field_name == "batch_window" and bool(info.data.get("batch_until_field_path"))
    return parse_duration(raw, "", allow_negative=is_offset)


def _word(words: type[E], default: E) -> JudgedBy:
    """Read one of some words; null means the default, as Knock's own files write it."""

    def judge(raw: JsonValue, _info: ValidationInfo) -> E:
        if raw is None:
            return default
        if raw not in list(words):
            raise Wrong(f"must be one of: {', '.join(words)}")
        return words(raw)

    document = {"type": ["string", "null"], "enum": [*(word.value for word in words), None]}
    return JudgedBy(judge, document)


def _rendered(raw: JsonValue) -> JsonValue:
    return DEFAULT_RENDERED if raw is None else raw


class BatchSettings(Shape):
    """What belongs together, and for how long it is gathered."""

    batch_key: Annotated[str | None, AfterValidator(path_or_liquid)] = Field(
        None, description="A path such as `data.page_id`, or Liquid; one window for each value."
    )
    batch_until_field_path: Annotated[str | None, AfterValidator(rooted_path)] = Field(
        None, description="Path of the end of the window, such as `data.digest_at`."
    )
    batch_window: Annotated[Duration | None, JudgedBy(_length, LENGTH)] = Field(
        None, description="With a path: an offset from its value, which may be negative."
    )
    batch_window_type: Annotated[WindowType, _word(WindowType, WindowType.FIXED)] = Field(
        WindowType.FIXED, description="Whether each item moves the end of the window."
    )
    batch_window_extension_limit: Annotated[Duration | None, JudgedBy(_length, LENGTH)] = Field(
        None, description="How long a sliding window may stay open."
    )
    batch_order: Annotated[Order, _word(Order, Order.FIRST)] = Field(
        Order.FIRST, description="Whether the first or the last items are rendered."
    )
    batch_execution_mode: Annotated[
        ExecutionMode, _word(ExecutionMode, ExecutionMode.ACCUMULATE)
    ] = Field(
        ExecutionMode.ACCUMULATE, description="Whether the first item passes through at once."
    )
    batch_items_max_limit: Annotated[int | None, Field(ge=MIN_ITEMS, le=MAX_ITEMS)] = Field(
        None, description="This many items close the window at once."
    )
    batch_items_render_limit: Annotated[
        int, BeforeValidator(_rendered), Field(ge=1, le=MAX_RENDERED)
    ] = Field(DEFAULT_RENDERED, description="Maximum number of items in `activities`.")
    workflow_version_mode: Annotated[VersionMode, _word(VersionMode, VersionMode.PINNED)] = Field(
        VersionMode.PINNED, description="Which version continues when the window closes."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.batch_window is None and self.batch_until_field_path is None:
            raise Wrong("needs batch_window, batch_until_field_path, or both")
        if self.is_sliding and self.batch_window_extension_limit is None:
            raise Wrong("needs batch_window_extension_limit for a sliding window")
        return self

    @property
    def is_sliding(self) -> bool:
        """Tell whether later items move the end."""
        return self.batch_window_type is WindowType.SLIDING


class BatchStep(BaseStep):
    """Gather what happens for a recipient, then go on once with all of it."""

    type: Literal["batch"] = "batch"
    settings: Annotated[BatchSettings, BeforeValidator(given)]

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the key, when it is Liquid."""
        key = self.settings.batch_key
        if key is not None and has_liquid(key):
            yield Template(f"{place}.settings.batch_key", key)


def decide_end(
    settings: BatchSettings, scope_values: Mapping[str, Any], now: datetime, zone: str | None
) -> Target:
    """Decide when the window of an item that arrives now would end.

    A value that is missing, malformed, past or beyond 365 days is a problem; the step is skipped.

    Args:
        settings: of the step.
        scope_values: what paths lead through.
        now: when the item arrives.
        zone: the recipient's, for window rules.
    """
    now = now.astimezone(UTC)
    path, length = settings.batch_until_field_path, settings.batch_window
    try:
        if path is not None:
            return instant_at_path(path, length, scope_values, now, zone)
        return Target(at=now if length is None else add_duration(now, length))
    except OverflowError:
        return Target(problem="the window would end outside the years 1 to 9999")


def batch_before(steps: Sequence[BaseStep], ref: str) -> BatchStep | None:
    """Return the batch whose items a step sees, on whatever way a run has come to it."""
    found = (batch for step, batch in _with_batches(steps, None) if step.ref == ref)
    return next(found, None)


def _with_batches(
    steps: Sequence[BaseStep], last: BatchStep | None
) -> Iterator[tuple[BaseStep, BatchStep | None]]:
    """Yield every step with the batch before it; one in a branch counts within that branch only."""
    for step in steps:
        yield step, last
        for branch in step.held():
            yield from _with_batches(branch.steps, last)
        if isinstance(step, BatchStep):
            last = step


def key_at_path(path: str, scope_values: Mapping[str, Any]) -> str:
    """Return the value at a path as a key is compared: text as it is, anything else as JSON."""
    value = lookup(scope_values, path)
    if value is MISSING or value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
