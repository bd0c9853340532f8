"""Amazon SNS as it speaks to an address: signed with a certificate that a server here gives out."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from outbound.egress import EgressPolicy
from outbound.transport import GuardedTransport
from tests.providers.servers import HttpServer, reply

HOST = "sns.eu-west-1.amazonaws.com"
CERTIFICATE_PATH, CONFIRM_PATH = "/SimpleNotificationService-abc.pem", "/"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
CONFIRM_QUERY = f"Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t"
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


@dataclass
class Sns:
    """Signs what it sends; `certificate` says for which days."""

    key: rsa.RSAPrivateKey = field(default_factory=_key)

    def certificate(self, valid_from: dt.datetime, valid_until: dt.datetime) -> bytes:
        """Write the certificate of the key."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(valid_from)
            .not_valid_after(valid_until)
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(serialization.Encoding.PEM)

    def serve(self, server: HttpServer, now: dt.datetime) -> None:
        """Have a server give out the certificate, and take confirmations."""
        day = dt.timedelta(days=1)
        server.replies[CERTIFICATE_PATH] = reply(200, self.certificate(now - day, now + day))
        server.replies[CONFIRM_PATH] = reply(200, b"<ConfirmSubscriptionResponse/>")

    def sign(self, kind: str, version: str = "1", **fields: str) -> dict[str, str]:
        """Write a request's body, signed as a version of the signature says."""
        body = {
            "Type": kind,
            "MessageId": "m-1",
            "TopicArn": TOPIC,
            "Timestamp": "2026-03-01T12:00:00.000Z",
            "SignatureVersion": version,
            "SigningCertURL": f"https://{HOST}{CERTIFICATE_PATH}",
            **fields,
        }
        text = "".join(f"{name}\n{body[name]}\n" for name in _SIGNED[kind] if name in body)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), algorithm)
        return {**body, "Signature": base64.b64encode(signature).decode()}

    def notify(self, event: Any, version: str = "1", **fields: str) -> dict[str, str]:
        """Write a notification; an event that is no text becomes JSON."""
        text = event if isinstance(event, str) else json.dumps(event)
        return self.sign("Notification", version, Message=text, **fields)

    def ask(self, **fields: str) -> dict[str, str]:
        """Write a request to confirm a subscription."""
        url = f"https://{HOST}{CONFIRM_PATH}?{CONFIRM_QUERY}"
        asked = {"Message": "Confirm", "SubscribeURL": url, "Token": "t", **fields}
        return self.sign("SubscriptionConfirmation", **asked)


class NearAmazon(httpx.AsyncBaseTransport):
    """The product's own transport, but that it reaches Amazon's servers on this machine."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._inner = GuardedTransport(EgressPolicy(allow_private=True))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, one to Amazon to the server here."""
        if request.url.host == HOST:
            near = {"scheme": "http", "host": "127.0.0.1", "port": self._server.port}
            request.url = request.url.copy_with(**near)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()
