"""Which channels a step sends on: the one that it names, or those that its group chooses."""

from __future__ import annotations

from dataclasses import dataclass

from domain.channels.kinds import CHANNEL_KINDS
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.workflows.channel_groups import RANDOM_COHORT, GroupRule, in_cohort
from domain.workflows.steps.channel import ChannelStep
from services.content.catalog import ConfiguredChannel, ConfiguredGroup
from services.walk.context import Walk
from services.walk.moves import NOT_MET


@dataclass(frozen=True, slots=True)
class Member:
    """A channel that a step sends on; `is_sandbox` says that nothing is handed to its provider."""

    channel: ConfiguredChannel
    is_sandbox: bool


@dataclass(frozen=True, slots=True)
class Members:
    """The channels that a step sends on, and why on others not.

    `reason` says why on none: the step is skipped.
    """

    members: tuple[Member, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


async def members_of(walk: Walk, step: ChannelStep) -> Members:
    """Choose the channels of a step.

    Raises:
        ContentError: conditions cannot be judged.
    """
    if step.channel_group_key is not None:
        return await _members_of_group(walk, step, step.channel_group_key)
    found = _member(walk, step, step.channel_key)
    if isinstance(found, str):
        return Members(reason=found)
    # In sandbox mode a channel's own conditions do not count.
    conditions = None if found.is_sandbox else found.channel.conditions
    if not await walk.allows(step, conditions):
        return Members(reason=NOT_MET)
    return Members((found,))


def _member(walk: Walk, step: ChannelStep, key: str) -> Member | str:
    """Return a channel that may be used here, or why it may not."""
    channel = walk.configuration.channels.get(key)
    if channel is None or channel.channel_type != step.channel_type:
        return f"channel {key} is not configured"
    if channel.problem is not None:
        return f"channel {key} cannot be used: {channel.problem}"
    is_sandbox = channel.is_sandbox or walk.run.is_sandboxed
    return Member(channel, is_sandbox and CHANNEL_KINDS[step.channel_type].has_sandbox)


async def _members_of_group(walk: Walk, step: ChannelStep, key: str) -> Members:
    group = walk.configuration.groups.get(key)
    if group is None or group.channel_type != step.channel_type:
        return Members(reason=f"channel group {key} does not exist")
    if not await walk.allows(step):
        return Members(reason=NOT_MET)
    members, left_out = [], []
    for channel_key in await _chosen(walk, step, group):
        found = _member(walk, step, channel_key)
        if isinstance(found, Member) and not await _channel_allows(walk, step, found):
            found = NOT_MET
        if isinstance(found, Member):
            members.append(found)
        else:
            left_out.append((channel_key, found))
    return Members(tuple(members), tuple(left_out))


async def _chosen(walk: Walk, step: ChannelStep, group: ConfiguredGroup) -> list[str]:
    """Judge the rules of a group; return the channels that they choose, in order, each once."""
    told: list[JsonObject] = []
    matched: list[str] = []
    for rule in group.rules:
        holds, trace = await _holds(walk, group, rule)
        matches = rule.lets_through(holds=holds)
        if matches:
            matched.append(rule.channel_key)
        line: JsonObject = {
            "channel_key": rule.channel_key,
            "rule_type": rule.rule_type,
            "matched": matches,
            "conditions": trace,
        }
        told.append(line if rule.problem is None else {**line, "problem": rule.problem})
    if group.operator == "all" and len(matched) < len(group.rules):
        matched = []
    walk.journal.tell(
        RunEventType.CHANNEL_GROUP_EVALUATED,
        step=step,
        data={"channel_group": group.key, "operator": group.operator, "rules": told},
    )
    return list(dict.fromkeys(matched))


async def _holds(
    walk: Walk, group: ConfiguredGroup, rule: GroupRule
) -> tuple[bool, list[JsonObject]]:
    """Tell whether the condition of a rule holds, with what was compared."""
    if rule.share is not None:
        is_in = in_cohort(group.key, walk.run.ref.id, rule.share)
        line: JsonObject = {
            "variable": "recipient.id",
            "operator": RANDOM_COHORT,
            "argument": str(rule.share),
            "result": "true" if is_in else "false",
        }
        return is_in, [line]
    verdict = await walk.judge(rule.conditions)
    return (True, []) if verdict is None else (verdict.passed, verdict.trace)


async def _channel_allows(walk: Walk, step: ChannelStep, member: Member) -> bool:
    """Judge the own conditions of a channel of a group, and tell the verdict."""
    if member.is_sandbox:
        return True
    verdict = await walk.judge(member.channel.conditions)
    if verdict is None:
        return True
    walk.journal.tell(
        RunEventType.STEP_CONDITIONS_EVALUATED,
        step=step,
        data={
            "channel_key": member.channel.key,
            "passed": verdict.passed,
            "conditions": verdict.trace,
        },
    )
    return verdict.passed
