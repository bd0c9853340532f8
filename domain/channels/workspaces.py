"""What is asked of a customer's Slack workspace or Teams tenant, and what comes back.

Source: Knock API reference, "Providers"; what Knock's browser client reads of the answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.kit.json_types import JsonObject

SLACK = "chat_slack"
MS_TEAMS = "chat_ms_teams"
# The types of channels; direct messages are none.
ALL_TYPES = "public_channel,private_channel"
# As Knock says it: its browser client compares these sentences to show that nothing is connected.
NO_SLACK_TOKEN = "Access token not set."  # noqa: S105 - a sentence
NO_TEAMS_TENANT = "Microsoft Teams tenant ID not set."


@dataclass(frozen=True, slots=True)
class SlackOptions:
    """Which channels of a workspace are asked for."""

    limit: int = 200
    cursor: str | None = None
    exclude_archived: bool = True
    types: str = ALL_TYPES
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """A page as the vendor gave it; `following` asks for the next one."""

    entries: list[JsonObject]
    following: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether a workspace is connected; `reason` is the vendor's own word, where it is not."""

    ok: bool
    reason: str | None = None
    tenant_id: str | None = None


@dataclass(frozen=True, slots=True)
class TeamsOptions:
    """Which teams or channels are asked for, in the parameters of Microsoft's own API."""

    given: dict[str, str] = field(default_factory=dict)

    def wants(self, channel: JsonObject) -> bool:
        """Tell whether a channel is shown: without a filter none that is archived or private."""
        if "$filter" in self.given:
            return True
        return not channel.get("isArchived") and channel.get("membershipType") != "private"
