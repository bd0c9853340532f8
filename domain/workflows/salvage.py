"""What can be read of a refused workflow, so that one answer tells all that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

from pydantic import ValidationError

from domain.channels.sources import template_sources
from domain.kit.authored import Template, texts_within
from domain.kit.json_types import JsonObject
from domain.workflows.definition import WorkflowDefinition
from domain.workflows.steps import STEP_TYPES, UnknownStep, all_steps, raw_steps
from domain.workflows.steps.base import REF, Reading


def without_faults(content: JsonObject) -> JsonObject:
    """Return a normalised workflow whose steps lack those members that keep them from being read.

    A step without a ref of its own is given one. What a step cannot be without stays wrong.
    """
    kept = deepcopy(content)
    refs: set[str] = set()
    for number, (_place, step) in enumerate(list(raw_steps(kept["steps"]))):
        ref = step.get("ref")
        if not isinstance(ref, str) or not REF.fullmatch(ref) or ref in refs:
            step["ref"] = ref = f"step-without-ref-{number}"
        refs.add(ref)
        for member in _unreadable(step):
            step.pop(member, None)
    return kept


def _unreadable(step: JsonObject) -> set[str]:
    step_type = step.get("type")
    if not isinstance(step_type, str) or step_type not in STEP_TYPES:
        return set()
    try:
        STEP_TYPES[step_type].model_validate(step, context=Reading(is_lenient=True))
    except ValidationError as error:
        return {str(item["loc"][0]) for item in error.errors() if item["loc"]}
    return set()


def unread_templates(content: JsonObject, document: WorkflowDefinition) -> Iterator[Template]:
    """Yield the Liquid sources in the JSON of those steps that could not be read.

    Args:
        content: a normalised workflow.
        document: what was read of it.
    """
    read = {place for place, step in all_steps(document.steps) if not isinstance(step, UnknownStep)}
    for place, step in raw_steps(content["steps"]):
        if place in read:
            continue
        for member in ("template", "channel_overrides"):
            yield from template_sources(step.get(member), f"{place}.{member}")
        yield from texts_within(step.get("settings"), f"{place}.settings")
