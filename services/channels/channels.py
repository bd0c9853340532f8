"""Channels and their settings per environment; they are not versioned and work at once.

Reading is Knock's Management API ("Channels"); writing is ours, where Knock has its dashboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.errors import InvalidParams, NotFound
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import Page, PageRequest
from models.queries.account.environments import EnvironmentRow
from models.queries.channels import channels as queries
from models.queries.channels.channels import ChannelRow, ChannelSettingsRow
from models.queries.content.drafts import lock_publication
from providers.registry import obfuscate
from runtime.crypto import CannotOpen, Vault
from runtime.database import Connection
from services.channels.documents import (
    merge_settings,
    open_channel_settings_of,
    open_provider_settings_of,
    parse_channel,
    provider_errors,
    show_channel_settings,
)


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


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel; `settings` is None when it was not asked for."""

    row: ChannelRow
    settings: tuple[ChannelSettingsView, ...] | None = None


async def list_channels(
    connection: Connection,
    vault: Vault,
    request: PageRequest,
    *,
    channel_id: str | None = None,
    with_settings: bool = False,
) -> tuple[list[ChannelView], Page]:
    """Return a page of channels by key, and the page itself for its boundaries."""
    page = await queries.list_channels(connection, request, channel_id=channel_id)
    rows: list[ChannelRow] = list(page.rows)  # type: ignore[arg-type]
    if not with_settings:
        return [ChannelView(row) for row in rows], page
    return await _with_settings(connection, vault, rows), page


async def get_channel(connection: Connection, vault: Vault, key: str) -> ChannelView:
    """Return one channel with its settings. Raises NotFound."""
    return (await _with_settings(connection, vault, [await _find(connection, key)]))[0]


async def put_channel(
    connection: Connection, vault: Vault, key: str, raw: JsonValue, *, now: datetime
) -> ChannelView:
    """Create a channel, or change its name, description and icon.

    Args:
        connection: inside a transaction.
        vault: to answer with its settings.
        key: names the channel in workflows.
        raw: `name`, `type`, `provider`, and if wanted `description`, `custom_icon_url`.
        now: the instant it happens.

    Raises:
        InvalidParams: a field is wrong, or type or provider of an existing channel would change.
    """
    await lock_publication(connection)
    row = await queries.upsert_channel(connection, parse_channel(key, raw, now=now))
    if row is None:
        raise InvalidParams.of(
            "provider",
            "type and provider of a channel cannot change, and archived keys stay taken",
        )
    return (await _with_settings(connection, vault, [row]))[0]


async def put_channel_settings(
    connection: Connection,
    vault: Vault,
    key: str,
    *,
    environment: EnvironmentRow,
    raw: JsonValue,
    now: datetime,
) -> ChannelView:
    """Set how a channel works in one environment.

    Members of `raw` that are left out stay as they are: `is_sandbox`, `channel_settings`,
    `provider_settings`, `conditions`. A secret sent back as its mask keeps its value. What is
    written is sealed with the first key, also when nothing changes.

    Raises:
        NotFound: no such channel.
        InvalidParams: the provider does not accept its settings, or another field is wrong.
    """
    await lock_publication(connection, [environment["id"]])
    channel = await _find(connection, key, lock=True)
    known = await queries.list_channel_settings(connection, [channel["id"]])
    before = next((row for row in known if row["environment_id"] == environment["id"]), None)
    settings = merge_settings(channel, environment, before, vault=vault, raw=raw)
    await queries.upsert_channel_settings(connection, settings, now=now)
    await queries.touch_channel(connection, channel["id"], now)
    return (await _with_settings(connection, vault, [{**channel, "updated_at": now}]))[0]


async def _find(connection: Connection, key: str, *, lock: bool = False) -> ChannelRow:
    channel = await queries.get_channel(connection, key, lock=lock)
    if channel is None:
        raise NotFound(f"The channel {key[:255]!r} does not exist.")
    return channel


async def _with_settings(
    connection: Connection, vault: Vault, rows: Sequence[ChannelRow]
) -> list[ChannelView]:
    found = await queries.list_channel_settings(connection, [row["id"] for row in rows])
    return [
        ChannelView(
            row,
            tuple(
                _settings_view(row, settings, vault)
                for settings in found
                if settings["channel_id"] == row["id"]
            ),
        )
        for row in rows
    ]


def _settings_view(
    channel: ChannelRow, settings: ChannelSettingsRow, vault: Vault
) -> ChannelSettingsView:
    """Show settings; those that cannot be opened any more are shown as not valid."""
    try:
        provider_settings = open_provider_settings_of(settings, vault)
        channel_settings = open_channel_settings_of(settings, vault)
    except CannotOpen:
        provider_settings, channel_settings = {}, settings["channel_settings"]
        is_valid = False
    else:
        is_valid = not provider_errors(channel["provider"], provider_settings)
    return ChannelSettingsView(
        environment=settings["environment"],
        id=settings["id"],
        is_sandbox=settings["is_sandbox"],
        is_valid=is_valid,
        channel_settings=show_channel_settings(channel_settings, channel["channel_type"]),
        provider_settings=obfuscate(channel["provider"], provider_settings),
        conditions=settings["conditions"],
    )
