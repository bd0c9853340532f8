"""The steps of a workflow, by type: one shape each, which checks drafts and reads what is stored.

A new step type is one module here, one line in `STEP_TYPES`, and one in `Step`.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field, ValidationError

from domain.conditions import ConditionGroup, message_refs, parse_condition_group
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.shapes import violations_of
from domain.kit.violations import Violations
from domain.workflows.steps.base import LENIENT, REF, BaseStep, all_steps
from domain.workflows.steps.batch import BatchStep
from domain.workflows.steps.channel import ChannelStep
from domain.workflows.steps.delay import DelayDecision, DelaySettings, DelayStep, decide_delay
from domain.workflows.steps.unknown import UnknownStep

Step: TypeAlias = Annotated[BatchStep | ChannelStep | DelayStep, Field(discriminator="type")]
MAX_STEPS = 500

STEP_TYPES: dict[str, type[BaseStep]] = {
    "batch": BatchStep,
    "channel": ChannelStep,
    "delay": DelayStep,
}
# Known to Knock, refused here by name: a step is never dropped in silence.
UNSUPPORTED_TYPES = frozenset(
    (
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
    if isinstance(step_type, str) and step_type in STEP_TYPES:
        try:
            return STEP_TYPES[step_type].model_validate(raw)
        except ValidationError as error:
            violations.extend(violations_of(error, raw, field=field))
            return None
    if step_type is None:
        violations.add(f"{field}.type", "is required")
    elif isinstance(step_type, str) and step_type in UNSUPPORTED_TYPES:
        violations.add(f"{field}.type", f"step type {step_type} is not supported by this version")
    else:
        violations.add(f"{field}.type", f"unknown step type {str(step_type)[:100]!r}")
    return None


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
        conditions = step.conditions if step else _conditions_of(entry)
        for place, ref in message_refs(conditions, f"{field}[{index}].conditions"):
            if ref not in sent:
                message = f"no channel step {ref[:255]!r} comes before this one"
                violations.add(f"{place}.variable", message)
        # Judged by what was written: a step that is wrong elsewhere is still a channel step.
        if isinstance(entry, dict) and entry.get("type") == "channel":
            sent.add(str(entry.get("ref")))


def _conditions_of(entry: JsonValue) -> ConditionGroup | None:
    """Return the conditions of a step that is wrong elsewhere."""
    try:
        return parse_condition_group(entry.get("conditions")) if isinstance(entry, dict) else None
    except InvalidParams:
        return None


def read_steps(raw: JsonValue) -> tuple[BaseStep, ...]:
    """Read the steps of a stored workflow; one that cannot be read becomes an `UnknownStep`."""
    steps: dict[str, BaseStep] = {}
    for index, entry in enumerate(raw if isinstance(raw, list) else []):
        step = _read_step(entry, index)
        if step.ref in steps:
            # No author can write a ref with a tilde, so this one is nobody else's.
            reason = f"its ref {step.ref!r} is the ref of another step too"
            step = UnknownStep(ref=f"{step.ref}~{index}", reason=reason)
        steps[step.ref] = step
    return tuple(steps.values())


def _read_step(entry: JsonValue, index: int) -> BaseStep:
    if not isinstance(entry, dict):
        return UnknownStep(ref=f"step~{index}", reason="it is not an object")
    ref, step_type = entry.get("ref"), entry.get("type")
    if not isinstance(ref, str) or not REF.fullmatch(ref):
        return UnknownStep(ref=f"step~{index}", reason="it has no usable ref")
    if not isinstance(step_type, str) or step_type not in STEP_TYPES:
        reason = f"this version does not know steps of type {str(step_type)[:100]!r}"
        return UnknownStep(ref=ref, reason=reason)
    try:
        return STEP_TYPES[step_type].model_validate(entry, context=LENIENT)
    except ValidationError as error:
        wrong = violations_of(error, entry)
        what = "; ".join(f"{one.field} {one.message}" for one in wrong[:3])
        return UnknownStep(ref=ref, reason=f"this version cannot read it: {what}")


__all__ = [
    "MAX_STEPS",
    "STEP_TYPES",
    "UNSUPPORTED_TYPES",
    "BaseStep",
    "BatchStep",
    "ChannelStep",
    "DelayDecision",
    "DelaySettings",
    "DelayStep",
    "Step",
    "UnknownStep",
    "all_steps",
    "decide_delay",
    "parse_steps",
    "read_steps",
]
