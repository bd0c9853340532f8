"""Asks vendors about the workspaces of customers, with what tenants have stored for a channel.

Source: Knock API reference, "Providers"; Knock docs, "SlackKit", "TeamsKit".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.channels.workspaces import (
    MS_TEAMS,
    NO_SLACK_TOKEN,
    NO_TEAMS_TENANT,
    SLACK,
    ChannelPage,
    Connection,
    SlackOptions,
    TeamsOptions,
)
from domain.kit.errors import Forbidden, NotFound, Unprocessable
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import RecipientRef
from models.queries.channels.channels import get_channel_here, get_sealed_settings
from models.queries.recipients import channel_data
from models.queries.recipients.recipients import hold_recipient
from providers.workspaces.base import WorkspaceRefused
from providers.workspaces.ms_teams import TeamsTenant
from providers.workspaces.slack import SlackWorkspace, exchange_code
from services.channels.sealing import open_provider_settings
from services.channels.variables import fill_in
from services.engine import Engine
from services.waits.changes import tell_of_updates
from templating.limits import LiquidError


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, and who has stored the credentials for it: mostly a tenant."""

    channel_id: UUID
    owner: RecipientRef


async def check_slack(engine: Engine, environment: EnvironmentScope, place: Place) -> Connection:
    """Tell whether the token that somebody has stored is good.

    Raises:
        Forbidden: there is none.
        NotFound, Unprocessable: the channel is not one of Slack here.
        Unavailable, RateLimited: Slack is away, or asks us to wait.
    """
    workspace = await _slack(engine, environment, place)
    try:
        await workspace.check()
    except WorkspaceRefused as refused:
        return Connection(ok=False, reason=refused.reason)
    return Connection(ok=True)


async def list_slack_channels(
    engine: Engine, environment: EnvironmentScope, place: Place, options: SlackOptions
) -> ChannelPage:
    """Return a page of the channels of a workspace. Raises as `check_slack` does."""
    workspace = await _slack(engine, environment, place)
    try:
        return await workspace.channels(options)
    except WorkspaceRefused as refused:
        raise Forbidden(f"Slack answered {refused.reason}.") from None


async def revoke_slack(engine: Engine, environment: EnvironmentScope, place: Place) -> None:
    """End the token that somebody has stored, with Slack and here. Raises as `check_slack` does.

    Should the process die in between, the stored token is one that has ended: to do it again ends
    nothing more, and removes it.
    """
    workspace = await _slack(engine, environment, place)
    try:
        await workspace.revoke()
    except WorkspaceRefused as refused:
        raise Forbidden(f"Slack answered {refused.reason}.") from None
    await _forget(engine, environment, place, "token")


async def exchange_slack_code(
    engine: Engine, environment: EnvironmentScope, place: Place, code: str
) -> str:
    """Return the token of the workspace whose member has just let the app of a channel in.

    Raises:
        NotFound, Unprocessable: the channel is not one of Slack here, or has no app.
        Forbidden: Slack does not take the code.
        Unavailable, RateLimited: Slack is away, or asks us to wait.
    """
    settings, _ = await _load(engine, environment, place, SLACK)
    if not settings.get("client_id") or not settings.get("client_secret"):
        raise Unprocessable(
            "The channel lacks the client_id and client_secret of a Slack app.",
            code="channel_invalid",
        )
    try:
        return await exchange_code(engine.providers.context(), settings, code)
    except WorkspaceRefused as refused:
        raise Forbidden(f"Slack answered {refused.reason}.") from None


async def check_teams_channel(engine: Engine, environment: EnvironmentScope, place: Place) -> None:
    """Check that a channel is one of Teams here. Raises NotFound, Unprocessable."""
    await _load(engine, environment, place, MS_TEAMS)


async def check_teams(engine: Engine, environment: EnvironmentScope, place: Place) -> Connection:
    """Tell whether the Teams tenant that somebody has stored lets us in.

    Raises:
        Forbidden: there is none.
        NotFound, Unprocessable: the channel is not one of Teams here.
        Unavailable, RateLimited: Microsoft is away, or asks us to wait.
    """
    tenant_id, tenant = await _teams(engine, environment, place)
    try:
        await tenant.check()
    except WorkspaceRefused as refused:
        return Connection(ok=False, reason=refused.reason, tenant_id=tenant_id)
    return Connection(ok=True, tenant_id=tenant_id)


async def list_teams(
    engine: Engine, environment: EnvironmentScope, place: Place, options: TeamsOptions
) -> ChannelPage:
    """Return a page of the teams of a tenant. Raises as `check_teams` does."""
    _, tenant = await _teams(engine, environment, place)
    try:
        return await tenant.teams(options.given)
    except WorkspaceRefused as refused:
        raise Forbidden(f"Microsoft answered {refused.reason}.") from None


async def list_teams_channels(
    engine: Engine,
    environment: EnvironmentScope,
    place: Place,
    team_id: str,
    options: TeamsOptions,
) -> list[JsonObject]:
    """Return the channels of a team. Raises as `check_teams` does."""
    _, tenant = await _teams(engine, environment, place)
    try:
        page = await tenant.channels(team_id, options.given)
    except WorkspaceRefused as refused:
        raise Forbidden(f"Microsoft answered {refused.reason}.") from None
    return [each for each in page.entries if options.wants(each)]


async def revoke_teams(engine: Engine, environment: EnvironmentScope, place: Place) -> None:
    """Forget the Teams tenant that somebody has stored; what it allowed is ended in Teams.

    Raises:
        Forbidden: there is none.
        NotFound, Unprocessable: the channel is not one of Teams here.
    """
    await _teams(engine, environment, place)
    await _forget(engine, environment, place, "ms_teams_tenant_id")


async def _slack(engine: Engine, environment: EnvironmentScope, place: Place) -> SlackWorkspace:
    settings, data = await _load(engine, environment, place, SLACK)
    token = data.get("token")
    access_token = token.get("access_token") if isinstance(token, dict) else None
    if not isinstance(access_token, str) or not access_token:
        raise Forbidden(NO_SLACK_TOKEN)
    return SlackWorkspace(engine.providers.context(), access_token, settings.get("base_url"))


async def _teams(
    engine: Engine, environment: EnvironmentScope, place: Place
) -> tuple[str, TeamsTenant]:
    settings, data = await _load(engine, environment, place, MS_TEAMS)
    tenant_id = data.get("ms_teams_tenant_id")
    if not isinstance(tenant_id, str) or not tenant_id:
        raise Forbidden(NO_TEAMS_TENANT)
    return tenant_id, TeamsTenant(engine.providers.context(), tenant_id, settings)


async def _load(
    engine: Engine, environment: EnvironmentScope, place: Place, provider: str
) -> tuple[dict[str, Any], JsonObject]:
    """Return the settings of a channel of this provider, and what its owner has stored for it."""
    async with engine.connection() as connection:
        channel = await get_channel_here(connection, environment.id, place.channel_id)
        sealed = await get_sealed_settings(connection, environment.id, place.channel_id)
        data = await channel_data.get_channel_data(
            connection, environment.id, place.owner, place.channel_id
        )
    if channel is None:
        raise NotFound("The channel does not exist.")
    if channel.provider != provider or sealed is None:
        raise Unprocessable(
            f"The channel {channel.key} is not configured for {provider} in {environment.slug}.",
            code="channel_invalid",
        )
    settings = open_provider_settings(engine.vault, sealed, channel.id, environment.id)
    try:
        filled = await fill_in(engine, environment.id, settings)
    except LiquidError as error:
        reason = f"The settings of the channel {channel.key} are wrong: {error}."
        raise Unprocessable(reason, code="channel_invalid") from None
    return filled.settings, data or {}


async def _forget(engine: Engine, environment: EnvironmentScope, place: Place, member: str) -> None:
    async with engine.unit() as unit:
        await hold_recipient(unit.connection, environment.id, place.owner)
        is_gone = await channel_data.forget_member(
            unit.connection, environment.id, place.owner, place.channel_id, member, now=unit.now
        )
        if is_gone:
            await tell_of_updates(unit, environment.id, [place.owner])
