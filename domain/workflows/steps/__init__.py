"""The steps of a workflow, by type: parsed once, with every violation at its place.

A new step type is one module here and one line in `PARSERS`.
"""

from __future__ import annotations

from typing import TypeAlias

from domain.conditions import message_refs
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.violations import Violations
from domain.workflows.steps.base import BaseStep, StepParser
from domain.workflows.steps.channel import ChannelStep, parse_channel
from domain.workflows.steps.delay import DelayDecision, DelayStep, decide_delay, parse_delay
from domain.workflows.steps.reading import read_with
from domain.workflows.steps.unknown import UnknownStep

Step: TypeAlias = ChannelStep | DelayStep
MAX_STEPS = 500

PARSERS: dict[str, StepParser] = {
    "channel": parse_channel,
    "delay": parse_delay,
}
# Known to Knock, refused here by name: a step is never dropped in silence.
UNSUPPORTED_TYPES = frozenset(
    (
        "batch",
        "throttle",
        "http_fetch",
        "branch",
        "random_cohort",
        "trigger_workflow",
        "wait_for_event",
        "ai_agent",
        "update_data",
        "update_user",
        "update_object",
        "update_tenant",
        "update_audience",
    )
)


def read_steps(raw: JsonValue) -> tuple[BaseStep, ...]:
    """Read the steps of a stored workflow; one that cannot be read becomes an `UnknownStep`."""
    return read_with(PARSERS, raw)


def parse_steps(raw: JsonValue, field: str = "steps") -> tuple[BaseStep, ...]:
    """Read the steps of a draft in order; raises InvalidParams with every violation in it."""
    if not isinstance(raw, list):
        raise InvalidParams.of(field, "must be a list of steps")
    if len(raw) > MAX_STEPS:
        raise InvalidParams.of(field, f"must have at most {MAX_STEPS} steps")
    violations = Violations()
    steps = [_parse_step(entry, f"{field}[{i}]", violations) for i, entry in enumerate(raw)]
    _refuse_repeated_refs(raw, field, violations)
    _refuse_unsent_messages(raw, steps, field, violations)
    violations.raise_any()
    return tuple(step for step in steps if step is not None)


def _parse_step(raw: JsonValue, field: str, violations: Violations) -> BaseStep | None:
    if not isinstance(raw, dict):
        violations.add(field, "must be an object")
        return None
    step_type = raw.get("type")
    if isinstance(step_type, str) and step_type in PARSERS:
        return PARSERS[step_type](raw, field, violations)
    violations.add(f"{field}.type", _refusal(step_type))
    return None


def _refusal(step_type: JsonValue) -> str:
    if step_type is None:
        return "is required"
    if isinstance(step_type, str) and step_type in UNSUPPORTED_TYPES:
        return f"step type {step_type} is not supported by this version"
    return f"unknown step type {str(step_type)[:100]!r}"


def _refuse_repeated_refs(raw: list[JsonValue], field: str, violations: Violations) -> None:
    seen: set[str] = set()
    for index, entry in enumerate(raw):
        ref = entry.get("ref") if isinstance(entry, dict) else None
        if not isinstance(ref, str) or not ref:
            continue
        if ref in seen:
            violations.add(f"{field}[{index}].ref", f"{ref[:255]!r} is the ref of another step too")
        seen.add(ref)


def _refuse_unsent_messages(
    raw: list[JsonValue], steps: list[BaseStep | None], field: str, violations: Violations
) -> None:
    """A condition on message status needs a channel step that comes before it."""
    sent: set[str] = set()
    for index, (entry, step) in enumerate(zip(raw, steps, strict=True)):
        if step is not None:
            for place, ref in message_refs(step.conditions, f"{field}[{index}].conditions"):
                if ref not in sent:
                    message = f"no channel step {ref[:255]!r} comes before this one"
                    violations.add(f"{place}.variable", message)
        # Judged by what was written: a step that is wrong elsewhere is still a channel step.
        if isinstance(entry, dict) and entry.get("type") == "channel":
            sent.add(str(entry.get("ref")))


__all__ = [
    "MAX_STEPS",
    "PARSERS",
    "UNSUPPORTED_TYPES",
    "BaseStep",
    "ChannelStep",
    "DelayDecision",
    "DelayStep",
    "Step",
    "UnknownStep",
    "decide_delay",
    "parse_steps",
    "read_steps",
]
