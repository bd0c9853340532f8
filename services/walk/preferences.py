"""Asks a recipient's preferences whether a channel step may make its message."""

from __future__ import annotations

from domain.conditions import ConditionScope, Verdict
from domain.kit.json_types import JsonObject
from domain.preferences.verdict import (
    Preference,
    Subject,
    commercial_preference,
    judge,
    preferences_for,
)
from domain.runs.events import RunEventType
from domain.workflows.steps.channel import ChannelStep
from services.content.catalog import ConfiguredChannel
from services.walk.context import Walk
from services.walk.faults import ContentError


async def preferences_allow(walk: Walk, step: ChannelStep, channel: ConfiguredChannel) -> bool:
    """Judge the preferences that have a say in a message, and tell the verdict if there are any.

    They are those of the moment at which the walk began. They are the recipient's own, so that
    whatever is wrong with them is against the message, and fails nothing.
    """
    preferences = _with_a_say(walk, channel)
    if not preferences:
        return True
    verdict = await _judged(walk, preferences)
    layers = walk.run.preferences
    # The channels of a group are judged one by one.
    judged = {} if step.channel_group_key is None else {"channel_key": channel.key}
    walk.journal.tell(
        RunEventType.PREFERENCES_EVALUATED,
        step=step,
        data={
            **judged,
            "passed": verdict.passed,
            "preferences": verdict.trace,
            "set_id": layers.set_id,
            "layers": list(layers.named()),
        },
    )
    return verdict.passed


def _with_a_say(walk: Walk, channel: ConfiguredChannel) -> list[Preference]:
    definition, layers = walk.definition, walk.run.preferences
    subject = Subject(
        workflow_key=definition.key,
        categories=definition.categories,
        channel_id=str(channel.id),
        channel_type=channel.channel_type.value,
    )
    settings = definition.settings
    found: list[Preference] = []
    # Who has unsubscribed stays so, whatever the workflow overrides: the law has it so.
    is_overridden = settings.override_preferences
    may_reach_all = is_overridden and walk.unit.engine.settings.override_unsubscribed
    if settings.is_commercial and not may_reach_all:
        found += commercial_preference(layers.commercial())
    if not is_overridden:
        found += preferences_for(layers.resolved(), subject)
    return found


async def _judged(walk: Walk, preferences: list[Preference]) -> Verdict:
    groups = [each.conditions for each in preferences if each.conditions is not None]
    if not groups:
        return judge(preferences, ConditionScope({}, walk.unit.now))
    try:
        return await walk.judge_by(
            lambda scope: judge(preferences, scope), groups, _first_activity(walk)
        )
    except ContentError as error:
        return Verdict(
            False,
            [
                {"preference": each.place, "result": "not_evaluated", "error": error.text}
                for each in preferences
            ],
        )


def _first_activity(walk: Walk) -> JsonObject:
    """Return what conditions see: of a batch the first item alone (Knock docs)."""
    scope = walk.scope()
    first = None if walk.gathered is None else walk.gathered.first
    if first is None:
        return scope
    actor = None if first.actor is None else first.actor.variable()
    return {**scope, "data": first.data, "actor": actor}
