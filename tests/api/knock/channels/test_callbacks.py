"""Callbacks over HTTP: the address that an operator gets takes what a vendor sends."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import uuid4

import httpx


async def test_an_address_takes_events(management: httpx.AsyncClient) -> None:
    """Without a key of ours, whatever the media type; a broken body is a 422."""
    channel = f"/v1/admin/channels/sendgrid-{uuid4().hex[:6]}"
    named = {"name": "SendGrid", "type": "email", "provider": "sendgrid"}
    here = f"{channel}/environments/development"
    for path, body in ((channel, named), (here, {"provider_settings": {"api_key": "key"}})):
        assert (await management.put(path, json=body)).status_code == 200
    found = await management.get(f"{here}/callback")
    assert found.status_code == 200, found.text
    path = urlsplit(found.json()["url"]).path
    del management.headers["authorization"]
    event = {"event": "delivered", "knock_message_id": str(uuid4())}
    taken = await management.post(path, json=[event])
    assert (taken.status_code, taken.json()) == (200, {"updated": 0})
    broken = await management.post(path, content=b"[")
    assert (broken.status_code, broken.json()["errors"][0]["field"]) == (422, "body")
    assert (await management.post(f"{path}x", json=[event])).status_code == 404


async def test_only_who_tells_has_an_address(management: httpx.AsyncClient) -> None:
    """SMTP tells nothing afterwards."""
    path = "/v1/admin/channels/smtp/environments/development/callback"
    answer = await management.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "channel_invalid")
    nowhere = path.replace("smtp", "nothing")
    assert (await management.get(nowhere)).status_code == 404
