"""Tokens of our own: shown once, and stored as hashes."""

from __future__ import annotations

import hashlib
import secrets

TOKEN_BYTES = 24


def hash_token(token: str) -> bytes:
    """Return what we store of a token. Tokens carry 192 random bits, so one SHA-256 is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_token(prefix: str) -> str:
    """Make a token such as `sk_…`; it is shown once and stored as a hash."""
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)
