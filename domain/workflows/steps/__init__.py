"""The steps of a workflow, by type: one shape each, which checks drafts and reads what is stored.

A new step type is one module here, one line in `STEP_TYPES`, and one in `Step`.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, TypeAlias

from pydantic import Field, ValidationError
from pydantic.functional_validators import WrapValidator

from domain.conditions import ConditionGroup, message_refs, parse_condition_group
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import violations_of
from domain.kit.violations import Violations
from domain.workflows.steps.ai_agent import AiAgentStep
from domain.workflows.steps.base import (
    REF,
    BaseStep,
    Branch,
    Reading,
    all_steps,
    nested_steps,
    raw_branches,
    raw_steps,
)
from domain.workflows.steps.batch import BatchStep
from domain.workflows.steps.branch import BranchStep, ConditionalBranch
from domain.workflows.steps.channel import ChannelStep
from domain.workflows.steps.delay import DelayDecision, DelaySettings, DelayStep, decide_delay
from domain.workflows.steps.http_fetch import HttpFetchStep
from domain.workflows.steps.random_cohort import (
    CohortBranch,
    RandomCohortStep,
    bucket_of,
    cohort_of,
)
from domain.workflows.steps.throttle import ThrottleStep
from domain.workflows.steps.trigger_workflow import TriggerWorkflowSettings, TriggerWorkflowStep
from domain.workflows.steps.unknown import UnknownStep
from domain.workflows.steps.update_audience import UpdateAudienceStep
from domain.workflows.steps.update_data import UpdateDataSettings, UpdateDataStep
from domain.workflows.steps.update_object import UpdateObjectStep
from domain.workflows.steps.update_tenant import UpdateTenantStep
from domain.workflows.steps.update_user import UpdateUserStep
from domain.workflows.steps.wait_for_event import WaitForEventStep, awaited_refs

Step: TypeAlias = Annotated[
    ChannelStep
    | DelayStep
    | BranchStep
    | RandomCohortStep
    | UpdateDataStep
    | UpdateUserStep
    | UpdateObjectStep
    | UpdateTenantStep
    | UpdateAudienceStep
    | TriggerWorkflowStep
    | HttpFetchStep
    | AiAgentStep
    | ThrottleStep
    | BatchStep
    | WaitForEventStep,
    Field(discriminator="type"),
]
NestedSteps: TypeAlias = Annotated[tuple[Step, ...], WrapValidator(nested_steps)]
# Steps hold steps, so their shapes are whole only now.
for _shape in (Branch, ConditionalBranch, CohortBranch, BranchStep, RandomCohortStep):
    _shape.model_rebuild(_types_namespace={"NestedSteps": NestedSteps})

MAX_STEPS = 500
MAX_NESTING = 5

STEP_TYPES: dict[str, type[BaseStep]] = {
    "batch": BatchStep,
    "channel": ChannelStep,
    "delay": DelayStep,
    "branch": BranchStep,
    "random_cohort": RandomCohortStep,
    "update_data": UpdateDataStep,
    "update_user": UpdateUserStep,
    "update_object": UpdateObjectStep,
    "update_tenant": UpdateTenantStep,
    "update_audience": UpdateAudienceStep,
    "trigger_workflow": TriggerWorkflowStep,
    "http_fetch": HttpFetchStep,
    "ai_agent": AiAgentStep,
    "throttle": ThrottleStep,
    "wait_for_event": WaitForEventStep,
}


def parse_steps(raw: JsonValue, field: str = "steps") -> tuple[BaseStep, ...]:
    """Read the steps of a draft in order; raises InvalidParams with every violation in it."""
    if sum(1 for _ in raw_steps(raw)) > MAX_STEPS:
        raise InvalidParams.of(field, f"must have at most {MAX_STEPS} steps")
    violations = Violations()
    steps = violations.check(partial(_parse_list, depth=0), raw, field)
    _refuse_repeated_refs(raw, field, violations)
    _refuse_unsent_messages(raw, field, violations, set())
    violations.raise_any()
    return steps or ()


def _parse_list(raw: JsonValue, field: str, *, depth: int) -> tuple[BaseStep, ...]:
    if not isinstance(raw, list):
        raise InvalidParams.of(field, "must be a list of steps")
    if len(raw) > MAX_STEPS:
        raise InvalidParams.of(field, f"must have at most {MAX_STEPS} steps")
    violations = Violations()
    steps = [_parse_step(entry, f"{field}[{i}]", depth, violations) for i, entry in enumerate(raw)]
    violations.raise_any()
    return tuple(step for step in steps if step is not None)


def _parse_step(raw: JsonValue, field: str, depth: int, violations: Violations) -> BaseStep | None:
    if not isinstance(raw, dict):
        violations.add(field, "must be an object")
        return None
    step_type = raw.get("type")
    if step_type is None:
        violations.add(f"{field}.type", "is required")
    elif not isinstance(step_type, str) or step_type not in STEP_TYPES:
        violations.add(f"{field}.type", f"unknown step type {str(step_type)[:100]!r}")
    elif STEP_TYPES[step_type].holds and depth == MAX_NESTING:
        violations.add(f"{field}.type", f"branches nest at most {MAX_NESTING} levels deep")
    else:
        nested = partial(_parse_list, field="", depth=depth + 1)
        try:
            return STEP_TYPES[step_type].model_validate(raw, context=Reading(nested=nested))
        except ValidationError as error:
            violations.extend(violations_of(error, raw, field=field))
    return None


def _refuse_repeated_refs(raw: JsonValue, field: str, violations: Violations) -> None:
    seen: set[str] = set()
    for place, step in raw_steps(raw, field):
        ref = step.get("ref")
        if not isinstance(ref, str) or not ref:
            continue
        if ref in seen:
            violations.add(f"{place}.ref", f"{ref[:255]!r} is also the ref of another step")
        seen.add(ref)


def _refuse_unsent_messages(
    raw: JsonValue, field: str, violations: Violations, sent: set[str]
) -> None:
    """A condition on message status needs a channel step that comes before it.

    Args:
        raw: a list of steps, as it was written: one that is wrong elsewhere is still a step.
        field: where it stands.
        violations: grows.
        sent: refs of the channel steps before the list; grows by those in it.
    """
    for index, step in enumerate(raw if isinstance(raw, list) else ()):
        if not isinstance(step, dict):
            continue
        place = f"{field}[{index}]"
        branches = list(raw_branches(step, place))
        for there, holder in [(place, step), *branches]:
            for at, ref in (
                *message_refs(_conditions_of(holder), f"{there}.conditions"),
                *awaited_refs(holder.get("settings"), f"{there}.settings"),
            ):
                if ref not in sent:
                    message = f"no channel step {ref[:255]!r} comes before this one"
                    violations.add(f"{at}.variable", message)
        # A run takes one branch: what another one sends does not come before it.
        ways = [set(sent) for _ in branches]
        for (there, branch), way in zip(branches, ways, strict=True):
            _refuse_unsent_messages(branch.get("steps"), f"{there}.steps", violations, way)
        sent.update(*ways)
        if step.get("type") == "channel":
            sent.add(str(step.get("ref")))


def _conditions_of(holder: JsonObject) -> ConditionGroup | None:
    """Return the conditions of a step or branch, unless they are wrong, which is told elsewhere."""
    try:
        return parse_condition_group(holder.get("conditions"))
    except InvalidParams:
        return None


def read_steps(raw: JsonValue) -> tuple[BaseStep, ...]:
    """Read the steps of a stored workflow; one that cannot be read becomes an `UnknownStep`."""
    return _read_list(raw, set())


def _read_list(raw: JsonValue, taken: set[str]) -> tuple[BaseStep, ...]:
    return tuple(_read_step(entry, taken) for entry in (raw if isinstance(raw, list) else ()))


def _read_step(entry: JsonValue, taken: set[str]) -> BaseStep:
    """Read a step; `taken` has the refs of those before it in the tree, and grows by its own."""
    number = len(taken)
    raw = entry if isinstance(entry, dict) else {}
    ref, step_type = raw.get("ref"), raw.get("type")
    # No author can write a ref with a tilde, so these are nobody else's.
    if not isinstance(ref, str) or not REF.fullmatch(ref):
        ref = f"step~{number}"
        reason = "it has no usable ref" if isinstance(entry, dict) else "it is not an object"
    elif ref in taken:
        reason = f"its ref {ref!r} is also the ref of another step"
        ref = f"{ref}~{number}"
    elif not isinstance(step_type, str) or step_type not in STEP_TYPES:
        reason = f"this version does not know steps of type {str(step_type)[:100]!r}"
    else:
        taken.add(ref)
        reading = Reading(is_lenient=True, nested=partial(_read_list, taken=taken))
        try:
            return STEP_TYPES[step_type].model_validate(entry, context=reading)
        except ValidationError as error:
            wrong = violations_of(error, entry)
            what = "; ".join(f"{one.field} {one.message}" for one in wrong[:3])
            reason = f"this version cannot read it: {what}"
    taken.add(ref)
    return UnknownStep(ref=ref, reason=reason)


__all__ = [
    "MAX_NESTING",
    "MAX_STEPS",
    "STEP_TYPES",
    "AiAgentStep",
    "BaseStep",
    "BatchStep",
    "Branch",
    "BranchStep",
    "ChannelStep",
    "CohortBranch",
    "ConditionalBranch",
    "DelayDecision",
    "DelaySettings",
    "DelayStep",
    "HttpFetchStep",
    "NestedSteps",
    "RandomCohortStep",
    "Step",
    "ThrottleStep",
    "TriggerWorkflowSettings",
    "TriggerWorkflowStep",
    "UnknownStep",
    "UpdateAudienceStep",
    "UpdateDataSettings",
    "UpdateDataStep",
    "UpdateObjectStep",
    "UpdateTenantStep",
    "UpdateUserStep",
    "WaitForEventStep",
    "all_steps",
    "bucket_of",
    "cohort_of",
    "decide_delay",
    "parse_steps",
    "raw_branches",
    "raw_steps",
    "read_steps",
]
