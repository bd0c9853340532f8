"""Callbacks over HTTP: the address that an operator gets takes what a vendor sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from tests.support.account import Account
from tests.support.application import application


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


async def test_twilio_signs_the_address_that_it_was_given(account: Account) -> None:
    """The public one, whatever host the proxy asks for; its form is read as it comes."""
    public = "https://example.org/notify"
    settings = account.engine.settings.model_copy(update={"public_url": public})
    app = application(replace(account.engine, settings=settings))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://inside:8000") as client:
        channel = f"/v1/admin/channels/twilio-{uuid4().hex[:6]}"
        named = {"name": "Twilio", "type": "sms", "provider": "twilio"}
        secrets = {"account_id": "AC1", "auth_token": "t0ken", "from_number": "+15550100"}
        here = f"{channel}/environments/development"
        operator = {"authorization": f"Bearer {account.keys.service_token}"}
        for path, body in ((channel, named), (here, {"provider_settings": secrets})):
            done = await client.put(path, json=body, headers=operator)
            assert done.status_code == 200, done.text
        address = (await client.get(f"{here}/callback", headers=operator)).json()["url"]
        assert address.startswith(f"{public}/")
        query = f"?message={uuid4()}"
        form = {"MessageSid": "SM1", "MessageStatus": "delivered", "Body": "a&b=c ü"}

        def signed(url: str) -> dict[str, str]:
            text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
            made = hmac.new(b"t0ken", text.encode(), hashlib.sha1).digest()
            return {"x-twilio-signature": base64.b64encode(made).decode()}

        path = address.removeprefix(public) + query
        taken = await client.post(path, data=form, headers=signed(address + query))
        assert (taken.status_code, taken.json()) == (200, {"updated": 0})
        for headers in (signed(address), signed(f"http://inside:8000{path}"), {}):
            refused = await client.post(path, data=form, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (401, "signature_invalid")
        broken = await client.post(path, json=form, headers=signed(address + query))
        assert (broken.status_code, broken.json()["errors"][0]["field"]) == (422, "body")
