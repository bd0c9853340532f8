"""Channel groups of the account; like channels they are not versioned and work at once.

Source: Knock Management API, "Channel groups".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.channels.rows import Channel
from domain.kit.clock import iso
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.stored import is_content_key
from domain.kit.violations import Violations
from domain.workflows.channel_groups import ChannelGroup, ChannelGroupRequest, parse_rules
from models.queries.channels import channels as channel_queries
from models.queries.channels import groups as queries
from models.queries.content.drafts import lock_publication
from runtime.database import Connection
from services.engine import Engine

_EVERYWHERE = ["workflow", "broadcast"]
_RULES = "channel_group.channel_rules"


@dataclass(frozen=True, slots=True)
class GroupView:
    """A channel group, with the channels of its rules by key."""

    group: ChannelGroup
    channels: Mapping[str, Channel]


async def list_groups(engine: Engine, request: PageRequest) -> Page[GroupView]:
    """Return a page of channel groups by key."""
    async with engine.connection() as connection:
        page = await queries.list_groups(connection, request)
        channels = await _channels_of(connection, page.rows)
    return page.of(GroupView(group, channels) for group in page.rows)


async def get_group(engine: Engine, key: str) -> GroupView:
    """Return one channel group. Raises NotFound."""
    async with engine.connection() as connection:
        group = await queries.get_group(connection, key)
        if group is None:
            raise _not_found(key)
        return GroupView(group, await _channels_of(connection, [group]))


async def put_group(engine: Engine, key: str, wanted: ChannelGroupRequest) -> GroupView:
    """Create a channel group, or change it; what is left out of `wanted` stays as it is.

    Raises:
        InvalidParams: the key or a rule is wrong, a channel does not exist or is of another type,
            or the type of an existing group would change.
    """
    if not is_content_key(key):
        raise InvalidParams.of("key", "must be 3 to 255 characters of a-z, 0-9, _ and -")
    async with engine.unit() as unit:
        connection = unit.connection
        await lock_publication(connection)
        before = await queries.get_group(connection, key, lock=True)
        if before is not None and before.channel_type != wanted.channel_type:
            raise InvalidParams.of("channel_group.channel_type", "cannot change")
        rules = before.channel_rules if before else []
        if wanted.channel_rules is not None:
            parsed = parse_rules(wanted.channel_rules, _RULES)
            rules = _with_instants(parsed, rules, unit.now)
        group = ChannelGroup(
            key=key,
            name=wanted.name,
            channel_type=wanted.channel_type.value,
            operator=wanted.operator or (before.operator if before else "any"),
            source="user",
            visible_in=list(wanted.visible_in or (before.visible_in if before else _EVERYWHERE)),
            channel_rules=rules,
            inserted_at=before.inserted_at if before else unit.now,
            updated_at=unit.now,
        )
        channels = await _channels_of(connection, [group])
        _check_channels(group, channels, wanted)
        await queries.upsert_group(connection, group)
    return GroupView(group, channels)


async def delete_group(engine: Engine, key: str) -> None:
    """Delete a channel group; steps that name it are skipped from then on. Raises NotFound."""
    async with engine.unit() as unit:
        await lock_publication(unit.connection)
        if not await queries.delete_group(unit.connection, key):
            raise _not_found(key)


def _not_found(key: str) -> NotFound:
    return NotFound(f"The channel group {key[:255]!r} does not exist.")


async def _channels_of(
    connection: Connection, groups: Iterable[ChannelGroup]
) -> Mapping[str, Channel]:
    keys = {str(rule.get("channel_key")) for group in groups for rule in group.channel_rules}
    return await channel_queries.channels_by_key(connection, sorted(keys))


def _check_channels(
    group: ChannelGroup, channels: Mapping[str, Channel], wanted: ChannelGroupRequest
) -> None:
    """Refuse rules whose channel does not exist, or is of another type than the group."""
    violations = Violations()
    for position, rule in enumerate(wanted.channel_rules or ()):
        channel, place = channels.get(rule.channel_key), f"{_RULES}[{position}].channel_key"
        if channel is None or channel.archived_at is not None:
            violations.add(place, f"channel {rule.channel_key!r} does not exist")
        elif channel.channel_type != group.channel_type:
            violations.add(
                place,
                f"channel {rule.channel_key!r} is of type {channel.channel_type},"
                f" not {group.channel_type}",
            )
    violations.raise_any()


def _with_instants(
    rules: list[JsonObject], before: list[JsonObject], now: datetime
) -> list[JsonObject]:
    """Say of each rule when it was made, which is now unless it stays as it was."""
    known = {rule.get("index"): rule for rule in before}
    dated = []
    for rule in rules:
        old = known.get(rule["index"], {})
        is_kept = all(old.get(name) == value for name, value in rule.items())
        made: JsonObject = {"created_at": old.get("created_at") or iso(now), "updated_at": iso(now)}
        dated.append({**rule, **({name: old[name] for name in made} if is_kept else made)})
    return dated
