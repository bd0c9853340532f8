"""Keys and credentials at rest: tokens are stored as hashes, credentials encrypted."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from domain.json_types import JsonObject


def hash_token(token: str) -> bytes:
    """Return what we store of a token. Tokens carry 192 random bits, so one SHA-256 is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_token(prefix: str) -> str:
    """Make a token such as `sk_…`; it is shown once and stored as a hash."""
    return prefix + secrets.token_urlsafe(24)


class Vault:
    """Encrypts JSON documents; several keys allow rotation.

    Args:
        keys: passphrases; the first encrypts, every one is tried to decrypt.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("CARILLON_SECRET_KEY is empty")
        self._fernet = MultiFernet([Fernet(_derive(key)) for key in keys])

    def seal(self, document: JsonObject) -> bytes:
        """Encrypt a document."""
        return self._fernet.encrypt(json.dumps(document).encode())

    def open(self, sealed: bytes) -> JsonObject:
        """Decrypt a document. Raises ValueError when no key fits."""
        try:
            document: JsonObject = json.loads(self._fernet.decrypt(bytes(sealed)))
        except InvalidToken as error:
            raise ValueError("no key of CARILLON_SECRET_KEY opens this credential") from error
        return document


def _derive(key: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())
