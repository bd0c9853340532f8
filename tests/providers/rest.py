"""Vendors with an HTTP API on loopback: their contract, and what each of them is asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

import pytest

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery, Outcome
from domain.kit.json_types import JsonObject
from providers.base import Provider
from tests.providers.contract import MESSAGE_ID, ProviderContract, Rig, open_context
from tests.providers.servers import HttpServer, Seen, reply, serving

EMAIL: JsonObject = {
    "from": '"Acme, Inc" <hello@acme.example>',
    "to": "Ada <ada@example.com>",
    "cc": None,
    "bcc": None,
    "reply_to": None,
    "subject_line": "Hello",
    "html_body": "<p>Hëllo</p>",
    "text_body": "Hëllo",
    "headers": {},
}
SMS: JsonObject = {"to": "+1 (555) 010-0001", "body": "Hi", "overrides": {}}
PUSH: JsonObject = {"title": "Hi", "body": "there", "silent": False, "overrides": {}, "token": "t"}
CHAT: JsonObject = {"summary": None, "markdown": "**Hi**", "json_content": None}
HOSTILE = (
    reply(200, b'{"id": 1e999}'),
    reply(200, b"[]"),
    reply(200, b'{"messages": 7, "error": [], "ok": "yes"}'),
    reply(200, b'{"messages": [5], "id": {"a": 1}, "errors": {}}'),
    reply(200, b'{"id": "\\u0000\\ud800", "sid": null, "name": true}', x_message_id="\xff"),
    reply(400, b'{"error": {"details": [7, {"errorCode": []}]}, "errors": [null], "code": {}}'),
    reply(429, b'{"retry_after": "soon"}'),
    reply(503, bytes(range(256))),
)


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor as the tests play it.

    Attributes:
        provider: the class under test.
        path: which path of its API takes messages.
        taken: the answer for one that was taken.
        settings: those that work, but for the server.
        content: of a message.
        secrets: what no log may show.
        also: other answers, by path.
    """

    provider: type[Provider]
    path: str
    taken: bytes
    settings: JsonObject
    content: JsonObject
    secrets: list[str]
    refused: bytes = reply(403, b"{}")
    also: dict[str, bytes] = field(default_factory=dict)

    @property
    def channel_type(self) -> ChannelType:
        """Return the type of its messages."""
        return self.provider.channel_type

    def delivery(self, base_url: str, **changes: Any) -> Delivery:
        """Make a delivery to a server; keywords replace parts of its content."""
        return Delivery(
            MESSAGE_ID,
            self.channel_type,
            {**self.content, **changes},
            {**self.settings, "base_url": base_url},
            "ada@example.com",
            workflow_key="welcome",
            data={"n": 1, "s": "x", "none": None},
        )

    def replies(self, prefix: str, answer: bytes) -> dict[str, bytes]:
        """Answer what goes to a prefix."""
        also = {prefix + path: other for path, other in self.also.items()}
        return {**also, prefix + self.path: answer}


class RestContract(ProviderContract):
    """The contract of all providers, for those with an HTTP API; subclasses name a `vendor`."""

    vendor: Vendor

    @pytest.fixture
    async def rig(self) -> AsyncIterator[Rig]:
        """Serve good, bad and hostile answers."""
        replies = self.vendor.replies("/ok", self.vendor.taken)
        replies |= self.vendor.replies("/bad", self.vendor.refused)
        for number, answer in enumerate(HOSTILE):
            replies |= self.vendor.replies(f"/{number}", answer)
        async with serving(HttpServer(replies)) as server, open_context() as context:
            yield Rig(
                self.vendor.provider(context),
                self.deliver(f"{server.url}/ok"),
                failing=self.deliver(f"{server.url}/bad"),
                bad_settings={**self.vendor.settings, "base_url": 5},
                secrets=self.vendor.secrets,
                hostile=[self.deliver(f"{server.url}/{number}") for number in range(len(HOSTILE))],
            )

    def deliver(self, base_url: str) -> Delivery:
        """Make a delivery to a server."""
        return self.vendor.delivery(base_url)


@dataclass(slots=True)
class Line:
    """A provider and the server that it talks to."""

    provider: Provider
    server: HttpServer
    vendor: Vendor

    async def send(self, **changes: Any) -> Outcome:
        """Send a message; keywords replace parts of its content."""
        return await self.provider.send(self.vendor.delivery(self.server.url, **changes))

    async def send_with(self, settings: JsonObject, **changes: Any) -> Outcome:
        """Send a message with more settings."""
        delivery = self.vendor.delivery(self.server.url, **changes)
        return await self.provider.send(
            replace(delivery, settings={**delivery.settings, **settings})
        )

    @property
    def seen(self) -> Seen:
        """Return the last request."""
        return self.server.seen[-1]

    def body(self) -> Any:
        """Return its body, as JSON."""
        return json.loads(self.seen.body)

    def form(self) -> dict[str, list[str]]:
        """Return its body, as a form."""
        return parse_qs(self.seen.body.decode(), keep_blank_values=True)

    def answer(self, answer: bytes) -> None:
        """Answer otherwise from now on."""
        self.server.replies.update(self.vendor.replies("", answer))


@asynccontextmanager
async def talking_to(vendor: Vendor) -> AsyncIterator[Line]:
    """Run a vendor on loopback."""
    server = HttpServer(vendor.replies("", vendor.taken))
    async with serving(server), open_context() as context:
        yield Line(vendor.provider(context), server, vendor)
