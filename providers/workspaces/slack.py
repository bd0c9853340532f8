"""Workspaces of Slack.

Source: Slack docs, "auth.test", "conversations.list", "auth.revoke", "oauth.v2.access".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import httpx

from domain.channels.workspaces import ChannelPage, SlackOptions
from domain.kit.errors import RateLimited, Unavailable
from domain.kit.json_types import JsonObject
from providers.base import ProviderContext
from providers.rest import object_of
from providers.workspaces.base import WorkspaceRefused, ask

_API = "https://slack.com"
_TRANSIENT_CODES = frozenset(
    {"internal_error", "service_unavailable", "fatal_error", "request_timeout"}
)
# What had access has none any more.
_ENDED = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"}
)


async def exchange_code(context: ProviderContext, settings: Mapping[str, object], code: str) -> str:
    """Return the token of the workspace whose member has just let our app in.

    Args:
        context: what calls are made with.
        settings: `client_id` and `client_secret` of the app; `base_url` of another server than
            Slack's own.
        code: what Slack has sent that person back with; it is good once, for ten minutes.

    Raises:
        WorkspaceRefused: Slack does not take the code.
    """
    secret = str(settings.get("client_secret") or "")
    form = {"client_id": str(settings.get("client_id") or ""), "client_secret": secret}
    request = httpx.Request(
        "POST", f"{_api_of(settings.get('base_url'))}/oauth.v2.access", data={**form, "code": code}
    )
    body = await _asked(context, request, secrets=[secret, code])
    token = body.get("access_token")
    if not isinstance(token, str) or not token:
        raise WorkspaceRefused("no_access_token")
    return token


class SlackWorkspace:
    """A workspace that gave us a token.

    Args:
        context: what calls are made with.
        token: of the workspace.
        base_url: of another server than Slack's own.
    """

    def __init__(self, context: ProviderContext, token: str, base_url: str | None = None) -> None:
        self._context = context
        self._token = token
        self._api = _api_of(base_url)

    async def check(self) -> None:
        """Ask whether the token is good. Raises WorkspaceRefused."""
        await self._call("auth.test", {})

    async def revoke(self) -> None:
        """End the token; one that has ended already is fine. Raises WorkspaceRefused."""
        try:
            await self._call("auth.revoke", {})
        except WorkspaceRefused as refused:
            if refused.reason not in _ENDED:
                raise

    async def channels(self, options: SlackOptions) -> ChannelPage:
        """Return a page of the channels that the token can see. Raises WorkspaceRefused."""
        wanted = {
            "limit": str(options.limit),
            "exclude_archived": "true" if options.exclude_archived else "false",
            "types": options.types,
            "cursor": options.cursor,
            "team_id": options.team_id,
        }
        given = {name: value for name, value in wanted.items() if value}
        body = await self._call("conversations.list", given)
        found = body.get("channels")
        metadata = body.get("response_metadata")
        cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
        channels = [each for each in found if isinstance(each, dict)] if found else []
        return ChannelPage(channels, cursor or None)

    async def _call(self, method: str, query: Mapping[str, str]) -> JsonObject:
        request = httpx.Request(
            "GET",
            f"{self._api}/{method}",
            params=query,
            headers={"authorization": f"Bearer {self._token}"},
        )
        return await _asked(self._context, request, secrets=[self._token])


def _api_of(base_url: object) -> str:
    return f"{str(base_url or _API).rstrip('/')}/api"


async def _asked(
    context: ProviderContext, request: httpx.Request, *, secrets: Iterable[str]
) -> JsonObject:
    answer = await ask(context, request, service_name="Slack", secrets=secrets)
    body = object_of(answer)
    if body.get("ok") is True:
        return body
    reason = str(body.get("error") or f"status_{answer.status_code}")
    if reason == "ratelimited":
        raise RateLimited("Slack is limiting requests; try again later.", retry_after=1)
    if reason in _TRANSIENT_CODES:
        raise Unavailable(f"Slack answered {reason}.")
    raise WorkspaceRefused(reason)
