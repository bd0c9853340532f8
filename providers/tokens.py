"""Tokens that a vendor takes for a while, each got once for the secrets that it is made of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and until when it is used."""

    value: str
    until: datetime


class Tokens:
    """The tokens that a provider keeps, by the secrets that they are made of."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def find(self, secrets: str, now: datetime) -> Token | None:
        """Return the token for some secrets, unless there is none that is still good."""
        known = self._tokens.get(_name(secrets))
        return known if known is not None and known.until > now else None

    def keep(self, secrets: str, token: Token, now: datetime) -> Token:
        """Keep a token for some secrets, in the place of those that have ended, and return it."""
        self._tokens = {name: each for name, each in self._tokens.items() if each.until > now}
        self._tokens[_name(secrets)] = token
        return token

    def forget(self, secrets: str, token: Token) -> None:
        """Throw a token away that the vendor did not take, unless there is another one by now.

        Of many that were under way with the same token only one has to get the next.
        """
        if self._tokens.get(_name(secrets)) is token:
            del self._tokens[_name(secrets)]


def _name(secrets: str) -> str:
    # What is kept for long is not a secret itself.
    return hashlib.sha256(secrets.encode()).hexdigest()
