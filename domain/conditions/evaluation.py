"""Judging condition groups: left to right, short circuit, with a trace of every condition."""

from __future__ import annotations

from collections.abc import Iterator

from domain.conditions.model import Condition, ConditionGroup, ConditionScope, Judgement, Verdict
from domain.conditions.value_conditions import AudienceCondition
from domain.kit.json_types import JsonObject
from domain.kit.shortened import shortened


def evaluate(group: ConditionGroup | None, scope: ConditionScope) -> Verdict:
    """Judge a group against a scope; no group passes.

    Raises ConditionError for broken Liquid; data of any shape only ever makes conditions false.
    """
    trace: list[JsonObject] = []
    return Verdict(group is None or _holds(group, scope, trace), trace)


def arguments(group: ConditionGroup) -> Iterator[str]:
    """Yield the arguments of a group that are strings, as they were written: some are Liquid."""
    for member in group.members:
        if isinstance(member, ConditionGroup):
            yield from arguments(member)
        elif isinstance(member.argument, str):
            yield member.argument


def asks_for_audiences(group: ConditionGroup) -> bool:
    """Tell whether a group asks who is in an audience."""
    return any(
        asks_for_audiences(member)
        if isinstance(member, ConditionGroup)
        else isinstance(member, AudienceCondition)
        for member in group.members
    )


def _holds(
    member: Condition | ConditionGroup, scope: ConditionScope, trace: list[JsonObject]
) -> bool:
    if isinstance(member, Condition):
        judgement = member.judge(scope)
        trace.append(_line(member, judgement))
        return judgement.result
    decisive = member.quantifier == "any"
    outcome = not decisive
    members = iter(member.members)
    for each in members:
        if _holds(each, scope, trace) is decisive:
            outcome = decisive
            break
    for rest in members:
        _pass_over(rest, trace)
    return outcome


def _pass_over(member: Condition | ConditionGroup, trace: list[JsonObject]) -> None:
    if isinstance(member, Condition):
        trace.append(_line(member, None))
        return
    for each in member.members:
        _pass_over(each, trace)


def _line(condition: Condition, judgement: Judgement | None) -> JsonObject:
    line: JsonObject = {
        "variable": condition.variable,
        "operator": condition.operator,
        "argument": shortened(condition.argument),
        "result": "not_evaluated",
    }
    if judgement is not None:
        line["variable_value"] = shortened(judgement.value)
        line["argument_value"] = shortened(judgement.argument)
        line["result"] = "true" if judgement.result else "false"
    return line
