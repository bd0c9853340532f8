"""Connects a customer's workspace: stores what a vendor gave for it, beside what is there.

Source: Knock docs, "SlackKit", "TeamsKit". To do it twice stores the same.
"""

from __future__ import annotations

from domain.kit.principals import EnvironmentScope
from services.channels.workspaces import Place, check_teams_channel, exchange_slack_code
from services.engine import Engine
from services.recipients.channel_data import add_channel_data


async def connect_slack(
    engine: Engine, environment: EnvironmentScope, place: Place, code: str
) -> None:
    """Store the token of the workspace whose member has just let the app in.

    Should the process die before it is stored, the code is used up: the person does it once more.

    Raises:
        NotFound, Unprocessable: the channel is not one of Slack here, or has no app.
        Forbidden: Slack does not take the code.
        Unavailable, RateLimited: Slack or the database is away, or asks us to wait.
    """
    token = await exchange_slack_code(engine, environment, place, code)
    data = {"token": {"access_token": token}}
    await add_channel_data(engine, environment, place.owner, place.channel_id, data)


async def connect_teams(
    engine: Engine, environment: EnvironmentScope, place: Place, tenant_id: str
) -> None:
    """Store which tenant of Microsoft has let the app in.

    Raises:
        NotFound, Unprocessable: the channel is not one of Teams here.
    """
    await check_teams_channel(engine, environment, place)
    data = {"ms_teams_tenant_id": tenant_id}
    await add_channel_data(engine, environment, place.owner, place.channel_id, data)
