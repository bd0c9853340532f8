"""The channels that a fresh stack needs: made where they are missing, and never made again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from domain.account.environments import Environment
from domain.channels.rows import Channel, ChannelSettings
from domain.channels.types import ChannelType
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from models.queries.channels import channels as queries
from runtime.vault import CannotOpen, Vault
from services.channels.sealing import open_provider_settings, seal_provider_settings
from services.engine import Engine, Unit

# Takes the settings of a provider as they are, and returns what they are to be, or None.
Change = Callable[[JsonObject], JsonObject | None]


@dataclass(frozen=True, slots=True)
class WantedChannel:
    """A channel, and the settings that it gets in each environment where it has none.

    Attributes:
        change: what becomes of the settings of its provider where it has some; by default nothing.
    """

    id: UUID
    key: str
    name: str
    channel_type: ChannelType
    provider: str
    channel_settings: JsonObject = field(default_factory=dict)
    provider_settings: JsonObject = field(default_factory=dict)
    change: Change | None = None


async def ensure_channels(
    engine: Engine,
    unit: Unit,
    wanted: Sequence[WantedChannel],
    environments: Sequence[Environment],
) -> list[Channel]:
    """Make the channels that are missing, and settings where a channel has none.

    Returns:
        All of them but those that a user has archived.
    """
    channels: dict[UUID, Channel] = {}
    for each in wanted:
        channel = await queries.get_channel(unit.connection, each.key)
        channel = channel or await queries.upsert_channel(unit.connection, _channel(each, unit))
        if channel is not None:  # else a user archived it
            channels[channel.id] = channel
    found = await queries.list_channel_settings(unit.connection, list(channels))
    known = {(settings.channel_id, settings.environment_id): settings for settings in found}
    for each in wanted:
        for environment in environments if each.id in channels else ():
            before = known.get((each.id, environment.id))
            settings = (
                _new_settings(engine.vault, each, environment)
                if before is None
                else _changed(engine.vault, before, each.change)
            )
            if settings is not None:
                await queries.upsert_channel_settings(unit.connection, settings, now=unit.now)
    return list(channels.values())


def _channel(wanted: WantedChannel, unit: Unit) -> Channel:
    return Channel(
        id=wanted.id,
        key=wanted.key,
        name=wanted.name,
        description=None,
        channel_type=wanted.channel_type.value,
        provider=wanted.provider,
        custom_icon_url=None,
        inserted_at=unit.now,
        updated_at=unit.now,
        archived_at=None,
    )


def _new_settings(vault: Vault, wanted: WantedChannel, environment: Environment) -> ChannelSettings:
    return ChannelSettings(
        channel_id=wanted.id,
        environment_id=environment.id,
        environment=environment.slug,
        id=new_id(),
        is_sandbox=False,
        channel_settings=wanted.channel_settings,
        sealed_channel_settings=None,
        provider_settings=seal_provider_settings(
            vault, wanted.provider_settings, wanted.id, environment.id
        ),
        conditions=None,
    )


def _changed(
    vault: Vault, before: ChannelSettings, change: Change | None
) -> ChannelSettings | None:
    """Return settings with those of the provider changed, or None when they stay."""
    if change is None:
        return None
    owner = (before.channel_id, before.environment_id)
    try:
        changed = change(open_provider_settings(vault, before.provider_settings, *owner))
    except CannotOpen:  # sealed with a key that is gone; it may come back
        return None
    if changed is None:
        return None
    return replace(before, provider_settings=seal_provider_settings(vault, changed, *owner))
