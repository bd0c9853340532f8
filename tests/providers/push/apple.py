"""What Apple hands out, and what APNs answers."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.providers.contract import MESSAGE_ID
from tests.providers.servers import reply

PATH = "/3/device/t"
TAKEN = reply(200, apns_id=MESSAGE_ID)


@cache
def key() -> ec.EllipticCurvePrivateKey:
    """Make the team's signing key."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(private: Any) -> str:
    """Write a key as Apple hands it out."""
    text: bytes = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return text.decode()


def refusal(code: int, reason: str) -> bytes:
    """Answer an error as APNs does."""
    return reply(code, json.dumps({"reason": reason}).encode())


SETTINGS = {
    "bundle_id": "com.example.App",
    "key_id": "ABC123DEFG",
    "team_id": "DEF123GHIJ",
    "signing_key": pem(key()),
}
