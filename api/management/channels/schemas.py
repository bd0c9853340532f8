"""Wire shapes of channels."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.json_types import JsonObject
from domain.workflows.channel_groups import RULE_TYPES
from services.channels.channels import ChannelSettingsView, ChannelView
from services.channels.groups import GroupView


class ChannelSettingsOut(Out):
    """How a channel works in one environment; secrets are masked."""

    id: UUID
    is_sandbox: bool
    is_valid: bool
    channel_settings: dict[str, Any]
    provider_settings: dict[str, Any]
    conditions: dict[str, Any] | None

    @classmethod
    def of(cls, view: ChannelSettingsView) -> Self:
        """Write settings."""
        return cls(
            id=view.id,
            is_sandbox=view.is_sandbox,
            is_valid=view.is_valid,
            channel_settings=view.channel_settings,
            provider_settings=view.provider_settings,
            conditions=view.conditions,
        )


class ChannelOut(Out):
    """A channel."""

    id: UUID
    key: str
    name: str
    description: str | None
    type: str
    provider: str
    custom_icon_url: str | None
    visible_in: list[str]
    created_at: Moment
    updated_at: Moment
    archived_at: Moment | None
    environment_settings: LeftOut[dict[str, ChannelSettingsOut]] = Field(
        None, description="By slug; missing in lists unless requested with `include[]`."
    )

    @classmethod
    def of(cls, view: ChannelView) -> Self:
        """Write a channel."""
        channel, settings = view.channel, view.settings
        return cls(
            id=channel.id,
            key=channel.key,
            name=channel.name,
            description=channel.description,
            type=channel.channel_type,
            provider=channel.provider,
            custom_icon_url=channel.custom_icon_url,
            visible_in=["workflow", "broadcast"],
            created_at=channel.inserted_at,
            updated_at=channel.updated_at,
            archived_at=channel.archived_at,
            environment_settings=None
            if settings is None
            else {one.environment: ChannelSettingsOut.of(one) for one in settings},
        )


class ChannelGroupRuleOut(Out):
    """When a channel of a group is used."""

    index: int
    rule_type: str = Field(description=f"One of {', '.join(RULE_TYPES)}.")
    channel: ChannelOut
    variable: str | None
    operator: str | None
    argument: str | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, rule: JsonObject, channel: ChannelView) -> Self:
        """Write a rule."""
        names = ("index", "rule_type", "variable", "operator", "argument")
        dated: Any = {
            name: datetime.fromisoformat(rule[name]) for name in ("created_at", "updated_at")
        }
        return cls(channel=ChannelOut.of(channel), **{name: rule[name] for name in names}, **dated)


class ChannelGroupOut(Out):
    """A group of channels of one type, with the rules that choose among them."""

    key: str
    name: str
    channel_type: str
    operator: str = Field(
        description="Whether `any` rule may choose its channel, or `all` must match."
    )
    source: str
    visible_in: list[str]
    channel_rules: list[ChannelGroupRuleOut]
    created_at: Moment
    updated_at: Moment
    archived_at: Moment | None

    @classmethod
    def of(cls, view: GroupView) -> Self:
        """Write a group."""
        group = view.group
        return cls(
            key=group.key,
            name=group.name,
            channel_type=group.channel_type,
            operator=group.operator,
            source=group.source,
            visible_in=group.visible_in,
            channel_rules=[
                ChannelGroupRuleOut.of(rule, ChannelView(view.channels[rule["channel_key"]]))
                for rule in group.channel_rules
            ],
            created_at=group.inserted_at,
            updated_at=group.updated_at,
            archived_at=None,
        )


class ChannelGroupBodyOut(Out):
    """The group as it is now."""

    channel_group: ChannelGroupOut
