"""The page that a link to unsubscribe leads to."""

from __future__ import annotations

import re
from typing import Any

import httpx

from domain.recipients.refs import RecipientRef
from services.engine import Engine
from services.preferences.unsubscribing import unsubscribe_url
from tests.support.builders import Environment


async def wish(client: httpx.AsyncClient) -> Any:
    """Return whether Ellie takes commercial messages."""
    found = (await client.get("/v1/users/ellie/preferences/default")).json()
    return found["commercial_subscribed"]


def path_to(engine: Engine, environment: Environment) -> str:
    """Return the path of Ellie's link."""
    url = unsubscribe_url(engine, environment.id, RecipientRef.user("ellie"))
    return url.removeprefix(engine.settings.public_address)


async def test_looking_changes_nothing_and_one_click_does(
    client: httpx.AsyncClient,
    anonymous: httpx.AsyncClient,
    engine: Engine,
    environment: Environment,
) -> None:
    """The page sends its form by itself; scanners that only look unsubscribe nobody."""
    await client.put("/v1/users/ellie", json={})
    path = path_to(engine, environment)
    shown = await anonymous.get(path)
    assert shown.status_code == 200
    assert await wish(client) is None
    nonce = re.search(r'<script nonce="([^"]+)">document.forms\[0\].submit\(\)', shown.text)
    assert nonce is not None
    assert f"script-src 'nonce-{nonce[1]}'" in shown.headers["content-security-policy"]
    assert '<form method="post">' in shown.text
    assert "ellie" not in shown.text
    for _ in range(2):
        taken = await anonymous.post(path, data={"List-Unsubscribe": "One-Click"})
        assert (taken.status_code, "You are unsubscribed" in taken.text) == (200, True)
        assert await wish(client) is False


async def test_a_broken_link_says_so(anonymous: httpx.AsyncClient) -> None:
    """To a person, as a page."""
    for method in ("GET", "POST"):
        answered = await anonymous.request(method, "/unsubscribe/broken")
        assert answered.status_code == 404
        assert "This link is not valid" in answered.text
        assert answered.headers["content-type"].startswith("text/html")
