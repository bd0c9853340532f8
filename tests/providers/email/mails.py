"""Deliveries of e-mails, as the tests of SMTP make them."""

from __future__ import annotations

from typing import Any

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery
from domain.kit.json_types import JsonObject
from tests.providers.contract import MESSAGE_ID


def delivery(port: int, *, settings: JsonObject | None = None, **changes: Any) -> Delivery:
    """Make a delivery of an e-mail to the server at `port`; keywords replace content."""
    content = {
        "from": '"Acme, Inc" <hello@acme.example>',
        "to": "ada@example.com",
        "cc": None,
        "bcc": None,
        "reply_to": None,
        "subject_line": "Hello",
        "html_body": "<p>Hello</p>",
        "text_body": "Hello",
        "headers": {},
        **changes,
    }
    address = {"host": "127.0.0.1", "port": port, **(settings or {})}
    return Delivery(MESSAGE_ID, ChannelType.EMAIL, content, address, "ada")
