"""Channels and their settings per environment; they are not versioned and work at once.

Reading is Knock's Management API ("Channels"); writing is ours, where Knock has its dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain.channels.kinds import CHANNEL_KINDS
from domain.channels.requests import ChannelRequest, ChannelSettingsRequest
from domain.channels.rows import Channel, ChannelFilters, ChannelSettings
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.kit.stored import is_content_key
from models.queries.channels import channels as queries
from models.queries.content.drafts import lock_publication
from providers.registry import load_provider, obfuscate, providers_of
from runtime.database import Connection
from runtime.vault import CannotOpen, Vault
from services.channels.sealing import open_channel_settings, open_provider_settings
from services.channels.settings import merge_settings, provider_errors, show_channel_settings
from services.engine import Engine


@dataclass(frozen=True, slots=True)
class ChannelSettingsView:
    """How a channel works in one environment, fit to be shown: secrets are masked."""

    environment: str
    id: UUID
    is_sandbox: bool
    is_valid: bool
    channel_settings: JsonObject
    provider_settings: JsonObject
    conditions: JsonObject | None

    @classmethod
    def of(cls, channel: Channel, settings: ChannelSettings, vault: Vault) -> ChannelSettingsView:
        """Show settings; those that cannot be opened any more are shown as not valid."""
        owner = (settings.channel_id, settings.environment_id)
        try:
            provider_settings = open_provider_settings(vault, settings.provider_settings, *owner)
            channel_settings = open_channel_settings(
                vault, settings.channel_settings, settings.sealed_channel_settings, *owner
            )
        except CannotOpen:
            provider_settings, channel_settings = {}, settings.channel_settings
            is_valid = False
        else:
            is_valid = not provider_errors(channel, provider_settings)
        return cls(
            environment=settings.environment,
            id=settings.id,
            is_sandbox=settings.is_sandbox,
            is_valid=is_valid,
            channel_settings=show_channel_settings(channel_settings, channel.channel_type),
            provider_settings=obfuscate(channel.provider, provider_settings),
            conditions=settings.conditions,
        )


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel; `settings` is None when it was not asked for."""

    channel: Channel
    settings: tuple[ChannelSettingsView, ...] | None = None


async def list_channels(
    engine: Engine, filters: ChannelFilters, request: PageRequest
) -> Page[ChannelView]:
    """Return a page of channels by key, with their settings where the filters include them."""
    async with engine.connection() as connection:
        page = await queries.list_channels(connection, filters, request)
        if filters.include:
            views = await _with_settings(connection, engine.vault, page.rows)
        else:
            views = list(map(ChannelView, page.rows))
    return page.of(views)


async def get_channel(engine: Engine, key: str) -> ChannelView:
    """Return one channel with its settings. Raises NotFound."""
    async with engine.connection() as connection:
        channel = await find_channel(connection, key)
        return (await _with_settings(connection, engine.vault, [channel]))[0]


async def put_channel(engine: Engine, key: str, wanted: ChannelRequest) -> ChannelView:
    """Create a channel, or change its name, description and icon.

    Args:
        engine: see `Engine`.
        key: names the channel in workflows.
        wanted: what the channel is to be.

    Raises:
        InvalidParams: the key or the provider is wrong, or type or provider of an existing channel
            would change.
    """
    if not is_content_key(key):
        raise InvalidParams.of("key", "must be 3 to 255 characters of a-z, 0-9, _ and -")
    _judge_provider(wanted)
    async with engine.unit() as unit:
        await lock_publication(unit.connection)
        channel = await queries.upsert_channel(
            unit.connection,
            Channel(
                id=new_id(),
                key=key,
                name=wanted.name,
                description=wanted.description,
                channel_type=wanted.type.value,
                provider=wanted.provider,
                custom_icon_url=wanted.custom_icon_url,
                inserted_at=unit.now,
                updated_at=unit.now,
                archived_at=None,
            ),
        )
        if channel is None:
            raise InvalidParams.of(
                "provider",
                "type and provider of a channel cannot change, and archived keys cannot be reused",
            )
        return (await _with_settings(unit.connection, engine.vault, [channel]))[0]


def _judge_provider(wanted: ChannelRequest) -> None:
    """Refuse a provider that does not serve the type, and name those that do."""
    own = {kind.own_provider: kind.channel_type for kind in CHANNEL_KINDS.values()}
    name = wanted.type.value
    try:
        serves = own.get(wanted.provider) or load_provider(wanted.provider).channel_type
        reason = f"serves channels of type {serves}, not {name}"
    except InvalidParams as refusal:
        serves, reason = None, refusal.errors[0].message
    if serves != wanted.type:
        own_provider = CHANNEL_KINDS[wanted.type].own_provider
        known = [own_provider] if own_provider else providers_of(wanted.type)
        raise InvalidParams.of("provider", f"{reason}; known for {name}: {', '.join(known)}")


async def put_channel_settings(
    engine: Engine, environment: EnvironmentScope, key: str, wanted: ChannelSettingsRequest
) -> ChannelView:
    """Set how a channel works in one environment.

    Members of `wanted` that were not given stay as they are. A secret sent back as its mask keeps
    its value. What is written is sealed with the first key, also when nothing changes.

    Raises:
        NotFound: no such channel.
        InvalidParams: the provider does not accept its settings, or another field is wrong.
        Unprocessable: `sealed_with_other_key`.
    """
    async with engine.unit() as unit:
        connection = unit.connection
        await lock_publication(connection, [environment.id])
        channel = await find_channel(connection, key, lock=True)
        known = await queries.list_channel_settings(connection, [channel.id])
        before = next((row for row in known if row.environment_id == environment.id), None)
        settings = merge_settings(channel, environment, before, wanted, engine=engine)
        await queries.upsert_channel_settings(connection, settings, now=unit.now)
        await queries.touch_channel(connection, channel.id, unit.now)
        touched = replace(channel, updated_at=unit.now)
        return (await _with_settings(connection, engine.vault, [touched]))[0]


async def find_channel(connection: Connection, key: str, *, lock: bool = False) -> Channel:
    """Return a channel without its settings. Raises NotFound."""
    channel = await queries.get_channel(connection, key, lock=lock)
    if channel is None:
        raise NotFound(f"The channel {key[:255]!r} does not exist.")
    return channel


async def _with_settings(
    connection: Connection, vault: Vault, channels: Sequence[Channel]
) -> list[ChannelView]:
    found = await queries.list_channel_settings(connection, [channel.id for channel in channels])
    return [
        ChannelView(
            channel,
            tuple(
                ChannelSettingsView.of(channel, settings, vault)
                for settings in found
                if settings.channel_id == channel.id
            ),
        )
        for channel in channels
    ]
