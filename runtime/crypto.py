"""Keys and credentials at rest: tokens are stored as hashes, credentials encrypted.

And of user tokens, which are signed elsewhere, the check of the signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jwt
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from domain.kit.errors import Unavailable
from domain.kit.json_types import JsonObject

_FORMAT = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
_TOKEN_BYTES = 24
SIGNATURE_BYTES = 16
_RSA_BITS = 2048
_MAX_RSA_BITS = 8192
# Claims are judged by whoever reads them, on the clock of the process.
_SIGNATURE_ONLY: Any = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}


def hash_token(token: str) -> bytes:
    """Return what we store of a token. Tokens carry 192 random bits, so one SHA-256 is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_token(prefix: str) -> str:
    """Make a token such as `sk_…`; it is shown once and stored as a hash."""
    return prefix + secrets.token_urlsafe(_TOKEN_BYTES)


class CannotOpen(Exception):
    """What was sealed cannot be opened; a subclass says who can mend it."""


class UnknownKey(CannotOpen, Unavailable):
    """It was sealed with a key that this process does not have.

    Nothing is lost: it opens as soon as the key is back in CARILLON_SECRET_KEY. So this counts as
    a part of ours that is away, and what needs it waits.
    """

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"CARILLON_SECRET_KEY lacks the key {key_id} that this was encrypted with."
        )
        self.key_id = key_id


class BrokenSeal(CannotOpen, ValueError):
    """It was changed, cut off, or belongs to another place; no key will ever open it here."""


class Vault:
    """Encrypts JSON documents, each bound to the place where it is kept.

    A sealed document is one byte of format, eight of the key's id, twelve of nonce, and the
    document under AES-256-GCM. The authenticated data are format, key id and place, so a document
    that is copied to another place does not open there.

    Args:
        keys: passphrases; the first encrypts, all decrypt (rotation).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("CARILLON_SECRET_KEY is empty")
        self._ciphers = {
            _expand(key, b"id", _ID_BYTES): AESGCM(_expand(key, b"cipher", 32)) for key in keys
        }
        self._first = next(iter(self._ciphers))
        self._token_key = _expand(keys[0], b"token", 32)
        self._signing_keys = [_expand(key, b"signature", 32) for key in keys]

    def seal(self, document: JsonObject, place: str) -> bytes:
        """Encrypt a document for a place such as `provider_settings/<channel>/<environment>`."""
        head = _FORMAT + self._first
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps(document).encode()
        bound = head + place.encode()
        return head + nonce + self._ciphers[self._first].encrypt(nonce, plain, bound)

    def token_for(self, prefix: str, purpose: str) -> str:
        """Make a token such as `sk_…`, the same each time for the same purpose and first key."""
        digest = hmac.digest(self._token_key, purpose.encode(), "sha256")
        return prefix + base64.urlsafe_b64encode(digest[:_TOKEN_BYTES]).decode()

    def sign(self, data: bytes, purpose: str) -> bytes:
        """Return the signature of what may be read by everybody, and made by nobody else."""
        return _signature(self._signing_keys[0], data, purpose)

    def has_signed(self, data: bytes, signature: bytes, purpose: str) -> bool:
        """Tell whether one of our keys has signed something for a purpose."""
        return any(
            hmac.compare_digest(_signature(key, data, purpose), signature)
            for key in self._signing_keys
        )

    def open(self, sealed: bytes, place: str) -> JsonObject:
        """Decrypt a document.

        Raises:
            UnknownKey: none of our keys has sealed it.
            BrokenSeal: it was not sealed for this place, or was changed.
        """
        sealed = bytes(sealed)
        head, rest = sealed[: 1 + _ID_BYTES], sealed[1 + _ID_BYTES :]
        nonce, data = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        if not sealed.startswith(_FORMAT) or len(data) < _TAG_BYTES:
            raise BrokenSeal("this is not something that was sealed")
        cipher = self._ciphers.get(head[1:])
        if cipher is None:
            raise UnknownKey(head[1:].hex())
        try:
            document: JsonObject = json.loads(cipher.decrypt(nonce, data, head + place.encode()))
        except InvalidTag:
            raise BrokenSeal("it was changed, or sealed for another place") from None
        return document


def _signature(key: bytes, data: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + data, "sha256")[:SIGNATURE_BYTES]


def _expand(key: str, use: bytes, length: int) -> bytes:
    """Derive the bytes of one use from a passphrase (HKDF, RFC 5869)."""
    derivation = HKDF(hashes.SHA256(), length, salt=b"carillon vault", info=use)
    return derivation.derive(key.encode())


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
            raise ValueError("must be a key as PEM, or base64 of that") from None
    try:
        key = (
            load_pem_private_key(given, None).public_key()
            if b"PRIVATE KEY" in given
            else load_pem_public_key(given)
        )
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("must be a key as PEM, without a passphrase") from None
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
