"""Reads the steps of stored workflows, and refuses none."""

from __future__ import annotations

from collections.abc import Mapping

from domain.conditions import read_condition_group
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations
from domain.workflows.steps.base import REF, BaseStep, StepParser
from domain.workflows.steps.unknown import UnknownStep

# What is wrong in these is found when the step is taken: rendering judges it.
_JUDGED_LATER = ("template.", "channel_overrides.", "name", "description")


def read_with(parsers: Mapping[str, StepParser], raw: JsonValue) -> tuple[BaseStep, ...]:
    """Read stored steps in order; one that cannot be read becomes an `UnknownStep`."""
    steps: dict[str, BaseStep] = {}
    for index, entry in enumerate(raw if isinstance(raw, list) else []):
        step = _read(parsers, entry, index)
        if step.ref in steps:
            # No author can write a ref with a tilde, so this one is nobody else's.
            reason = f"its ref {step.ref!r} is the ref of another step too"
            step = UnknownStep(ref=f"{step.ref}~{index}", reason=reason)
        steps[step.ref] = step
    return tuple(steps.values())


def _read(parsers: Mapping[str, StepParser], entry: JsonValue, index: int) -> BaseStep:
    if not isinstance(entry, dict):
        return UnknownStep(ref=f"step~{index}", reason="it is not an object")
    ref = entry.get("ref")
    if not isinstance(ref, str) or not REF.fullmatch(ref):
        return UnknownStep(ref=f"step~{index}", reason="it has no usable ref")
    step_type = entry.get("type")
    if not isinstance(step_type, str) or step_type not in parsers:
        reason = f"this version does not know steps of type {str(step_type)[:100]!r}"
        return UnknownStep(ref=ref, reason=reason)
    return _parse(parsers[step_type], entry, ref)


def _parse(parser: StepParser, entry: JsonObject, ref: str) -> BaseStep:
    """Parse an entry whose conditions may be broken: they are read apart, and judge to false."""
    conditions = read_condition_group(entry.get("conditions"))
    violations = Violations()
    step = parser({**entry, "conditions": None}, "", violations)
    wrong = [
        error
        for error in violations.errors
        if not error.field.removeprefix(".").startswith(_JUDGED_LATER)
    ]
    if wrong or step is None:
        what = "; ".join(f"{error.field.removeprefix('.')} {error.message}" for error in wrong[:3])
        return UnknownStep(ref=ref, reason=f"this version cannot read it: {what}")
    return step.with_conditions(conditions)
