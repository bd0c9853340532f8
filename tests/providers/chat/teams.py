"""Microsoft as bots see it: where tokens come from, and the Bot Connector."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from domain.kit.json_types import JsonObject
from tests.providers.servers import HttpServer, Seen, reply

BOT_ID, PASSWORD = "b-1", "bot-very-secret"
_ROOT = "/v3/conversations"


def said(code: int, **body: Any) -> bytes:
    """Answer JSON."""
    return reply(code, json.dumps(body).encode())


@dataclass(slots=True)
class Microsoft(HttpServer):
    """Behaves as Microsoft does towards bots.

    Attributes:
        tokens: those that are good.
        conversations: those that there are.
        first: answers that are given before any other, to what is asked of the connector.
        life: seconds that a token is good for, as it is told.
    """

    replies: dict[str, bytes] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    conversations: set[str] = field(default_factory=set)
    first: list[bytes] = field(default_factory=list)
    life: Any = 3_599

    def respond(self, seen: Seen) -> bytes:
        """Give out tokens; open conversations; take activities."""
        if seen.target.endswith("/oauth2/v2.0/token"):
            return self.replies.get(seen.target) or self._token(parse_qs(seen.body.decode()))
        if seen.headers["authorization"].removeprefix("Bearer ") not in self.tokens:
            return said(401, error={"code": "AuthorizationFailed"})
        if self.first:
            return self.first.pop(0)
        body = json.loads(seen.body)
        if seen.target == _ROOT:
            return self._open(body)
        name = unquote(seen.target.removeprefix(f"{_ROOT}/").removesuffix("/activities"))
        if name.partition(";")[0] not in self.conversations:
            return said(404, error={"code": "ConversationNotFound"})
        return said(201, id="1:said")

    def _token(self, form: dict[str, list[str]]) -> bytes:
        expected = {
            "grant_type": ["client_credentials"],
            "client_id": [BOT_ID],
            "client_secret": [PASSWORD],
            "scope": ["https://api.botframework.com/.default"],
        }
        if form != expected:
            return said(401, error="invalid_client", error_description="AADSTS7000215")
        self.tokens.append(f"token-very-secret-{len(self.tokens)}")
        return said(200, access_token=self.tokens[-1], expires_in=self.life)

    def _open(self, body: JsonObject) -> bytes:
        if body["isGroup"]:
            channel = body["channelData"]["channel"]["id"]
            self.conversations.add(channel)
            return said(201, id=f"{channel};messageid=174", activityId="174")
        name = f"a:{body['members'][0]['id']}"
        self.conversations.add(name)
        return said(201, id=name)

    def asked(self) -> list[str]:
        """Return what was asked for, in order."""
        return [unquote(each.target) for each in self.seen]

    def bodies(self) -> list[Any]:
        """Return what was said to the connector."""
        return [json.loads(each.body) for each in self.seen if each.target.startswith(_ROOT)]
