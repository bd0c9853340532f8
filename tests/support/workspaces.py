"""Slack and Microsoft as far as the product asks them about workspaces, on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from tests.support.server import serving

TEAM_CHANNELS = [
    {"id": "19:a", "displayName": "General", "description": None, "membershipType": "standard"},
    {"id": "19:b", "displayName": "Board", "membershipType": "private"},
    {"id": "19:c", "displayName": "Old", "membershipType": "standard", "isArchived": True},
]


@dataclass
class Vendor:
    """A vendor's server: what it answers, and what it was asked.

    Attributes:
        tokens: that it takes.
        codes: for which it gives a token.
        fault: what it answers instead, a Slack error or a status.
    """

    url: str = ""
    tokens: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    fault: str | int | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def app(self) -> FastAPI:
        """Return it as an application."""
        app = FastAPI()
        app.add_api_route("/{path:path}", self._answer, methods=["GET", "POST"])
        return app

    async def _answer(self, path: str, request: Request) -> Response:
        self.asked.append((path, dict(request.query_params)))
        if isinstance(self.fault, int):
            return JSONResponse({}, self.fault, headers={"retry-after": "7"})
        form = (await request.body()).decode()
        if path.endswith("/oauth2/v2.0/token"):
            return self._token(form)
        if path == "api/oauth.v2.access" and not self.fault:
            return self._exchanged(form)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        is_slack = path.startswith("api/")
        if self.fault or token not in self.tokens:
            reason = self.fault or "invalid_auth"
            body: Any = {"ok": False, "error": reason} if is_slack else {"error": {"code": reason}}
            return JSONResponse(body, 200 if is_slack else 401)
        query = request.query_params
        answer = self._slack(path, token, query) if is_slack else self._graph(path, query)
        return JSONResponse(answer)

    def _token(self, form: str) -> Response:
        if "client_secret=s3cret" not in form:
            return JSONResponse({"error": "invalid_client"}, 401)
        self.tokens.add("graph-token")
        return JSONResponse({"access_token": "graph-token", "expires_in": 3600})

    def _exchanged(self, form: str) -> Response:
        """Give a token for a code that is good, once."""
        given = dict(parse_qsl(form))
        code = given.pop("code", "")
        if given != {"client_id": "app", "client_secret": "s3cret"}:
            return JSONResponse({"ok": False, "error": "bad_client_secret"})
        if code not in self.codes:
            return JSONResponse({"ok": False, "error": "invalid_code"})
        self.codes.discard(code)
        self.tokens.add(f"xoxb-{code}")
        return JSONResponse({"ok": True, "access_token": f"xoxb-{code}", "token_type": "bot"})

    def _slack(self, path: str, token: str, query: Mapping[str, str]) -> dict[str, Any]:
        if path == "api/auth.revoke":
            self.tokens.discard(token)
        if path != "api/conversations.list":
            return {"ok": True}
        is_last = query.get("cursor") == "next"
        named = {"id": "C2", "name": "few"} if is_last else {"id": "C1", "name": "all"}
        channel = {**named, "is_private": False, "is_im": False}
        return {
            "ok": True,
            "channels": [{**channel, "context_team_id": "T1", "topic": {"value": "x"}}],
            "response_metadata": {"next_cursor": "" if is_last else "next"},
        }

    def _graph(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        if path.endswith("/channels"):
            return {"value": TEAM_CHANNELS}
        if query.get("$skiptoken") == "abc":
            return {"value": [{"id": "u", "displayName": "Last team"}]}
        following = f"{self.url}/v1.0/teams?$top=1&$skiptoken=abc"
        return {"value": [{"id": "t", "displayName": "Team"}], "@odata.nextLink": following}


@asynccontextmanager
async def running_vendor() -> AsyncIterator[Vendor]:
    """Run a vendor's server."""
    vendor = Vendor()
    async with serving(vendor.app()) as address:
        vendor.url = address
        yield vendor


def as_json(**members: Any) -> str:
    """Write an object as clients put it into a query."""
    return json.dumps(members)
