"""Credentials at rest: encrypted, each for the place where it is kept."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.kit.errors import Unavailable
from domain.kit.json_types import JsonObject
from runtime.tokens import TOKEN_BYTES

_FORMAT = b"\x01"
_ID_BYTES = 8
_NONCE_BYTES = 12
_TAG_BYTES = 16
SIGNATURE_BYTES = 16


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
        return prefix + base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode()

    def sign(self, data: bytes, purpose: str) -> bytes:
        """Return the signature of what may be read by everybody, and made by nobody else."""
        return _signature(self._signing_keys[0], data, purpose)

    def has_signed(self, data: bytes, signature: bytes, purpose: str) -> bool:
        """Tell whether one of our keys has signed something for a purpose."""
        return any(
            hmac.compare_digest(_signature(key, data, purpose), signature)
            for key in self._signing_keys
        )

    def missing_key(self, sealed: bytes) -> str | None:
        """Return the id of the key that a document was sealed with, if it is none of ours."""
        key_id = bytes(sealed)[len(_FORMAT) : len(_FORMAT) + _ID_BYTES]
        return key_id.hex() if _is_sealed(bytes(sealed)) and key_id not in self._ciphers else None

    def open(self, sealed: bytes, place: str) -> JsonObject:
        """Decrypt a document.

        Raises:
            UnknownKey: none of our keys has sealed it.
            BrokenSeal: it was not sealed for this place, or was changed.
        """
        sealed = bytes(sealed)
        head, rest = sealed[: 1 + _ID_BYTES], sealed[1 + _ID_BYTES :]
        nonce, data = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        if not _is_sealed(sealed):
            raise BrokenSeal("this is not a sealed value")
        cipher = self._ciphers.get(head[1:])
        if cipher is None:
            raise UnknownKey(head[1:].hex())
        try:
            document: JsonObject = json.loads(cipher.decrypt(nonce, data, head + place.encode()))
        except InvalidTag:
            raise BrokenSeal("it was changed, or sealed for another place") from None
        return document


def _is_sealed(sealed: bytes) -> bool:
    least = len(_FORMAT) + _ID_BYTES + _NONCE_BYTES + _TAG_BYTES
    return sealed.startswith(_FORMAT) and len(sealed) >= least


def _signature(key: bytes, data: bytes, purpose: str) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + data, "sha256")[:SIGNATURE_BYTES]


def _expand(key: str, use: bytes, length: int) -> bytes:
    """Derive the bytes of one use from a passphrase (HKDF, RFC 5869)."""
    derivation = HKDF(hashes.SHA256(), length, salt=b"carillon vault", info=use)
    return derivation.derive(key.encode())
