"""Tenants of Microsoft Teams (Microsoft docs: "Client credentials flow", "List channels")."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, quote, urlsplit

import httpx

from domain.channels.workspaces import ChannelPage
from domain.kit.json_types import JsonObject
from providers.base import ProviderContext
from providers.rest import object_of
from providers.workspaces.base import WorkspaceRefused, ask

_GRAPH = "https://graph.microsoft.com"
_LOGIN = "https://login.microsoftonline.com"
_SERVICE = "Microsoft"


class TeamsTenant:
    """A customer's tenant that has let our application in.

    Args:
        context: what calls are made with.
        tenant_id: of the customer, as Microsoft names it.
        settings: `graph_client_id` and `graph_client_secret` of our application; `graph_base_url`
            and `login_base_url` of other servers than Microsoft's own.
    """

    def __init__(
        self, context: ProviderContext, tenant_id: str, settings: Mapping[str, object]
    ) -> None:
        self._context = context
        self._tenant = quote(tenant_id, safe="")
        self._id = str(settings.get("graph_client_id") or "")
        self._secret = str(settings.get("graph_client_secret") or "")
        # National clouds have servers of their own, and scopes that begin with their names.
        self._base = str(settings.get("graph_base_url") or _GRAPH).rstrip("/")
        self._login = str(settings.get("login_base_url") or _LOGIN).rstrip("/")

    async def check(self) -> None:
        """Ask whether the tenant lets us in. Raises WorkspaceRefused."""
        await self._token()

    async def teams(self, options: Mapping[str, str]) -> ChannelPage:
        """Return a page of the tenant's teams. Raises WorkspaceRefused."""
        return await self._list("teams", options)

    async def channels(self, team_id: str, options: Mapping[str, str]) -> ChannelPage:
        """Return the channels of a team. Raises WorkspaceRefused."""
        return await self._list(f"teams/{quote(team_id, safe='')}/channels", options)

    async def _list(self, path: str, options: Mapping[str, str]) -> ChannelPage:
        token = await self._token()
        body = await self._ask(
            httpx.Request(
                "GET",
                f"{self._base}/v1.0/{path}",
                params=dict(options),
                headers={"authorization": f"Bearer {token}"},
            ),
            token,
        )
        found = body.get("value")
        entries = [each for each in found if isinstance(each, dict)] if found else []
        following = parse_qs(urlsplit(str(body.get("@odata.nextLink") or "")).query)
        return ChannelPage(entries, next(iter(following.get("$skiptoken", ())), None))

    async def _token(self) -> str:
        body = await self._ask(
            httpx.Request(
                "POST",
                f"{self._login}/{self._tenant}/oauth2/v2.0/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": self._id,
                    "client_secret": self._secret,
                    "scope": f"{self._base}/.default",
                },
            )
        )
        token = body.get("access_token")
        if not isinstance(token, str) or not token:
            raise WorkspaceRefused("no_access_token")
        return token

    async def _ask(self, request: httpx.Request, *secrets: str) -> JsonObject:
        answer = await ask(
            self._context, request, service_name=_SERVICE, secrets=[*secrets, self._secret]
        )
        body = object_of(answer)
        if answer.is_success:
            return body
        error = body.get("error")
        word = error.get("code") if isinstance(error, dict) else error
        raise WorkspaceRefused(str(word or f"status_{answer.status_code}"))
