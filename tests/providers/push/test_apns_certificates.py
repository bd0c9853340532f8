"""Apple Push Notification service by a certificate, against a server that asks for one."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Outcome, Retry
from domain.kit.json_types import JsonObject
from outbound.egress import EgressPolicy
from outbound.transport import guarded_client
from providers.base import ProviderContext
from providers.push.apns import Apns
from providers.registry import MASK, obfuscate, validate_settings
from tests.providers.contract import MESSAGE_ID, NOW, open_context
from tests.providers.push.apple import PATH, SETTINGS, TAKEN, pem, refusal
from tests.providers.rest import PUSH, Vendor
from tests.providers.servers import Certified, Http2Server, certify, serving, serving_as

HOST, BUNDLE = "push.example.com", "com.example.App"


@cache
def certified(name: str) -> Certified:
    """Make the certificate of an app."""
    return certify(name, days=3_650)


def by_certificate(made: Certified | None = None) -> JsonObject:
    """Write the settings of an app that has a certificate."""
    made = made or certified(BUNDLE)
    return {
        "bundle_id": BUNDLE,
        "certificate": made.certificate,
        "private_key": made.private_key,
    }


@dataclass(slots=True)
class Line:
    """APNs that knows apps by their certificates, and the provider."""

    apns: Http2Server
    context: ProviderContext
    provider: Apns

    def delivery(self, settings: JsonObject) -> Delivery:
        """Make a delivery."""
        vendor = Vendor(Apns, PATH, TAKEN, settings, PUSH, [])
        return vendor.delivery(f"https://{HOST}:{self.apns.port}")

    async def send(self, settings: JsonObject) -> Outcome:
        """Send a notification."""
        return await self.provider.send(self.delivery(settings))


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    """Run APNs, which speaks HTTP/2 over TLS, and lets in whoever has a certificate it knows."""
    made = certify(HOST)
    tls = serving_as(tmp_path, made)
    tls.set_alpn_protocols(["h2"])
    tls.verify_mode = ssl.CERT_REQUIRED
    for name in (BUNDLE, "com.example.Other"):
        tls.load_verify_locations(cadata=certified(name).certificate)

    async def loopback(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    client = guarded_client(
        EgressPolicy(allow_private=True),
        resolver=loopback,
        tls=lambda: ssl.create_default_context(cadata=made.certificate),
    )
    async with (
        serving(Http2Server({PATH: TAKEN}), tls=tls) as apns,
        open_context(client=client) as context,
    ):
        assert isinstance(apns, Http2Server)
        yield Line(apns, context, Apns(context))


async def test_the_certificate_is_shown(line: Line) -> None:
    """Once for many notifications, which bring no token, and name the app as others do."""
    for _ in range(2):
        assert (await line.send(by_certificate())).external_id == MESSAGE_ID
    assert line.apns.shown == [BUNDLE]
    assert len(line.apns.seen) == 2
    for seen in line.apns.seen:
        assert "authorization" not in seen.headers
        assert seen.headers["apns-topic"] == BUNDLE


async def test_each_app_has_connections_of_its_own(line: Line) -> None:
    """What one app may send is not sent with the certificate of another."""
    other = by_certificate(certified("com.example.Other"))
    for settings in (by_certificate(), other, by_certificate(), other):
        await line.send(settings)
    assert line.apns.shown == [BUNDLE, "com.example.Other"]


async def test_without_a_certificate_nobody_is_let_in(line: Line) -> None:
    """A signing key is no certificate: connections with one are not borrowed."""
    await line.send(by_certificate())
    with pytest.raises(Retry):
        await line.send(SETTINGS)
    assert line.apns.shown == [BUNDLE]
    assert len(line.apns.seen) == 1


async def test_one_that_has_ended_is_an_operators_task(line: Line) -> None:
    """Apple would say no more than that the connection failed."""
    later = datetime.now(UTC) + timedelta(days=4_000)
    provider = Apns(replace(line.context, clock=lambda: later))
    with pytest.raises(Misconfigured, match="expired on"):
        await provider.send(line.delivery(by_certificate()))
    assert line.apns.shown == []
    assert later > NOW


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (refusal(403, "BadCertificate"), Misconfigured),
        (refusal(403, "BadCertificateEnvironment"), Misconfigured),
        (refusal(400, "TopicDisallowed"), Misconfigured),
        (refusal(410, "Unregistered"), Bounced),
        (refusal(503, "ServiceUnavailable"), Retry),
    ],
)
async def test_answers_of_apple(line: Line, answer: bytes, failure: type[Exception]) -> None:
    """They mean what they mean to others; some are about the certificate."""
    line.apns.replies[PATH] = answer
    with pytest.raises(failure):
        await line.send(by_certificate())


def other_key() -> str:
    """Make a key of a kind that Apple has none of."""
    return pem(ed25519.Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({}, []),
        ({"private_key": None}, ["private_key"]),
        ({"certificate": None}, ["certificate"]),
        ({"certificate": "no certificate"}, ["certificate"]),
        ({"private_key": "no key", "certificate": "none"}, ["certificate", "private_key"]),
        ({"private_key": other_key()}, ["private_key"]),
        ({"private_key": certified("com.example.Other").private_key}, ["private_key"]),
        ({"signing_key": SETTINGS["signing_key"]}, ["signing_key"]),
        ({"signing_key": SETTINGS["signing_key"], "mode": "x"}, ["mode", "signing_key"]),
        ({"certificate": None, "private_key": None}, ["key_id", "signing_key", "team_id"]),
        ({"certificate": "{{ vars.apns }}", "private_key": "{{ vars.apns_key }}"}, []),
        ({"certificate": "{{ vars.apns }}", "private_key": None}, ["private_key"]),
        (
            dict.fromkeys(by_certificate()) | {"signing_key": "{{ vars.k }}"},
            [
                "bundle_id",
                "key_id",
                "team_id",
            ],
        ),
    ],
)
def test_every_fault_is_named_at_its_place(changes: dict[str, Any], fields: list[str]) -> None:
    """All of one way to prove who we are, and nothing of the other."""
    given = {**by_certificate(), **changes}
    errors = validate_settings("push_apns", {k: v for k, v in given.items() if v is not None})
    assert sorted(error.field.removeprefix("provider_settings.") for error in errors) == fields
    assert "PRIVATE KEY" not in repr(errors)


def test_both_are_secrets() -> None:
    """They are sealed and masked as the signing key is."""
    shown = obfuscate("push_apns", by_certificate())
    assert shown == {"bundle_id": BUNDLE, "certificate": MASK, "private_key": MASK}
