"""The keys that user tokens are signed with, and the check of such a signature."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from domain.kit.json_types import JsonObject

_RSA_BITS = 2048
_MAX_RSA_BITS = 8192
# Claims are judged by whoever reads them, on the clock of the process.
_SIGNATURE_ONLY: Any = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}


def new_signing_key() -> str:
    """Make a key that user tokens are signed with, as PEM (PKCS #8); takes a tenth of a second."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_half(text: str) -> str:
    """Return the public half of an RSA key as PEM.

    Args:
        text: PEM of either half, or base64 of that.

    Raises:
        ValueError: it is none of these, or is shorter than 2048 bits or very long.
    """
    given = text.strip().encode()
    if not given.startswith(b"-----"):
        try:
            given = base64.b64decode(given, validate=True)
        except binascii.Error:
            raise ValueError("must be a PEM key, or base64 of one") from None
    try:
        key = (
            load_pem_private_key(given, None).public_key()
            if b"PRIVATE KEY" in given
            else load_pem_public_key(given)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("must be a PEM key without a passphrase") from None
    if not isinstance(key, rsa.RSAPublicKey) or not _RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
        raise ValueError(f"must be an RSA key of {_RSA_BITS} to {_MAX_RSA_BITS} bits")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed_claims(token: str, public_keys: Sequence[str]) -> JsonObject | None:
    """Return the claims of a JWT that one of our keys has signed with RS256, or None.

    Whether it has expired is for the reader of the claims to judge.
    """
    for public_key in public_keys:
        try:
            claims: JsonObject = jwt.decode(
                token, _loaded(public_key), algorithms=["RS256"], options=_SIGNATURE_ONLY
            )
        except (jwt.InvalidTokenError, RecursionError):  # the latter by a header of many brackets
            continue
        return claims
    return None


@lru_cache(maxsize=256)
def _loaded(public_key: str) -> rsa.RSAPublicKey:
    key = load_pem_public_key(public_key.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("a signing key that is stored is an RSA key")
    return key
