"""Wire shapes of Slack workspaces and Microsoft Teams tenants."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from domain.channels.workspaces import ChannelPage, Connection
from domain.kit.answers import LeftOut, Out
from domain.kit.json_types import JsonObject


class SlackStateOut(Out):
    """Whether a workspace is connected; `error` is what the browser client reads."""

    ok: bool
    reason: str | None
    error: LeftOut[str] = None


class SlackConnectionOut(Out):
    """The connection to a Slack workspace."""

    connection: SlackStateOut

    @classmethod
    def of(cls, found: Connection) -> Self:
        """Write it."""
        state = SlackStateOut(ok=found.ok, reason=found.reason, error=found.reason)
        return cls(connection=state)


class TeamsStateOut(Out):
    """Whether a Microsoft Teams tenant is connected."""

    ok: bool
    reason: str | None
    ms_teams_tenant_id: str | None


class TeamsConnectionOut(Out):
    """The connection to a Microsoft Teams tenant."""

    connection: TeamsStateOut

    @classmethod
    def of(cls, found: Connection) -> Self:
        """Write it."""
        return cls(
            connection=TeamsStateOut(
                ok=found.ok, reason=found.reason, ms_teams_tenant_id=found.tenant_id
            )
        )


class SlackChannelOut(Out):
    """A channel in Slack."""

    id: str
    name: str
    is_private: bool
    is_im: bool
    context_team_id: str

    @classmethod
    def of(cls, found: JsonObject) -> Self:
        """Write a channel as Slack describes it."""
        return cls(
            id=str(found.get("id") or ""),
            name=str(found.get("name") or ""),
            is_private=bool(found.get("is_private")),
            is_im=bool(found.get("is_im")),
            context_team_id=str(found.get("context_team_id") or ""),
        )


class SlackChannelsOut(Out):
    """A page of the channels of a Slack workspace."""

    slack_channels: list[SlackChannelOut]
    next_cursor: str | None

    @classmethod
    def of(cls, page: ChannelPage) -> Self:
        """Write a page."""
        channels = [SlackChannelOut.of(each) for each in page.entries]
        return cls(slack_channels=channels, next_cursor=page.following)


class TeamOut(Out):
    """A team in Microsoft Teams."""

    id: str
    displayName: str
    description: str | None


class TeamsOut(Out):
    """A page of the teams of a Microsoft Teams tenant."""

    ms_teams_teams: list[TeamOut]
    skip_token: str | None

    @classmethod
    def of(cls, page: ChannelPage) -> Self:
        """Write a page."""
        teams = [
            TeamOut(**_named(each), description=each.get("description")) for each in page.entries
        ]
        return cls(ms_teams_teams=teams, skip_token=page.following)


class TeamsChannelOut(TeamOut):
    """A channel in Microsoft Teams; what was not selected is left out."""

    membershipType: LeftOut[str] = None
    isArchived: LeftOut[bool] = None
    createdDateTime: LeftOut[str] = None


class TeamsChannelsOut(Out):
    """The channels of a team."""

    ms_teams_channels: list[TeamsChannelOut]

    @classmethod
    def of(cls, found: Iterable[JsonObject]) -> Self:
        """Write them."""
        return cls(
            ms_teams_channels=[
                TeamsChannelOut(
                    **_named(each),
                    description=each.get("description"),
                    membershipType=each.get("membershipType"),
                    isArchived=each.get("isArchived"),
                    createdDateTime=each.get("createdDateTime"),
                )
                for each in found
            ]
        )


class RevokedOut(Out):
    """The access has ended."""

    ok: str


def _named(found: JsonObject) -> dict[str, Any]:
    return {
        "id": str(found.get("id") or ""),
        "displayName": str(found.get("displayName") or ""),
    }
