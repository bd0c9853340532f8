"""Whether a recipient's preferences let a message pass, and why.

Source: Knock docs, "Preferences overview" (evaluation rules). Every preference that exists has to
be on, one that is off is enough; what is not said is on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.conditions import (
    ConditionError,
    ConditionGroup,
    ConditionScope,
    Verdict,
    evaluate,
    read_conditions,
)
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shortened import shortened
from domain.preferences.names import COMMERCIAL


@dataclass(frozen=True, slots=True)
class Subject:
    """The message that may be sent.

    Attributes:
        channel_id: of the channel, as text.
    """

    workflow_key: str
    categories: Sequence[str]
    channel_id: str
    channel_type: str


@dataclass(frozen=True, slots=True)
class Preference:
    """One preference that has a say: on or off, or on while conditions hold.

    Attributes:
        place: where it stands in the set, such as `categories.news.channel_types.email`.
    """

    place: str
    is_on: bool
    conditions: ConditionGroup | None = None


def preferences_for(resolved: JsonObject, subject: Subject) -> list[Preference]:
    """Return the preferences of a set that have a say in a message, in the order of judging."""
    found = list(_of_node(resolved, "", subject))
    categories, workflows = _object(resolved, "categories"), _object(resolved, "workflows")
    for category in subject.categories:
        found += _of_node(categories.get(category), f"categories.{category}", subject)
    key = subject.workflow_key
    return [*found, *_of_node(workflows.get(key), f"workflows.{key}", subject)]


def commercial_preference(value: JsonValue) -> list[Preference]:
    """Return the preference about commercial messages, if there is one."""
    return list(_of_switch(value, COMMERCIAL))


def _of_node(node: JsonValue, place: str, subject: Subject) -> Iterator[Preference]:
    if isinstance(node, bool):
        yield Preference(place, node)
    if not isinstance(node, dict):
        return
    prefix = f"{place}." if place else ""
    if place:
        yield from _of_switch(node, place)
    by_channel, by_type = _object(node, "channels"), _object(node, "channel_types")
    # The closer one counts alone.
    own = list(
        _of_switch(by_channel.get(subject.channel_id), f"{prefix}channels.{subject.channel_id}")
    )
    yield from own or _of_switch(
        by_type.get(subject.channel_type), f"{prefix}channel_types.{subject.channel_type}"
    )


def _of_switch(value: JsonValue, place: str) -> Iterator[Preference]:
    if isinstance(value, bool):
        yield Preference(place, value)
    elif isinstance(value, dict):
        conditions = read_conditions(value.get("conditions"))
        if conditions is not None:
            yield Preference(place, True, conditions)


def _object(node: JsonObject, name: str) -> JsonObject:
    found = node.get(name)
    return found if isinstance(found, dict) else {}


def judge(preferences: Sequence[Preference], scope: ConditionScope) -> Verdict:
    """Judge preferences in their order, until one is off.

    A recipient brought the conditions, not the author of the workflow: where one cannot be
    judged, its preference is off, and nothing fails.

    Returns:
        Whether all are on, and a JSON-ready line for each.
    """
    trace: list[JsonObject] = []
    passed = True
    for preference in preferences:
        line: JsonObject = {"preference": preference.place, "result": "not_evaluated"}
        if passed:
            passed = preference.is_on
            if preference.conditions is not None:
                passed = _holds(preference.conditions, scope, line)
            line["result"] = "true" if passed else "false"
        trace.append(line)
    return Verdict(passed, trace)


def _holds(conditions: ConditionGroup, scope: ConditionScope, line: JsonObject) -> bool:
    try:
        verdict = evaluate(conditions, scope)
    except ConditionError as error:
        line["error"] = shortened(str(error))
        return False
    line["conditions"] = verdict.trace
    return verdict.passed
