"""Keeps secrets, and what PostgreSQL cannot store, out of delivery logs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NoReturn
from urllib.parse import quote, quote_plus

import httpx
from pydantic import BaseModel, SecretStr

from domain.json_types import JsonValue

REDACTED = "[redacted]"
LOGGED_CHARACTERS = 65_536
# A little more than is logged, so that a secret across the cut is seen whole and blanked.
READ_BYTES = LOGGED_CHARACTERS + 1_024

_SENSITIVE_NAME = re.compile(
    r"authori[sz]ation|(^|[-_])auth([-_]|$)|cookie|token|secret|api[-_]?key|access[-_]?key"
    r"|password|passwd|signature|credential|(^|[-_])(key|sig|jwt|pwd)$",
    re.IGNORECASE,
)
# Ends in "key" but is the message's id, which the log shows anyway.
_HARMLESS_NAMES = frozenset({"idempotency-key"})
# Blanking shorter values would eat ordinary words and hide nothing.
_SHORTEST_SECRET = 4


def is_sensitive(name: str) -> bool:
    """Tell whether a header or query parameter of this name is taken to hold a secret."""
    return name.lower() not in _HARMLESS_NAMES and _SENSITIVE_NAME.search(name) is not None


def secret_values(settings: BaseModel) -> list[str]:
    """List the secrets among a provider's settings."""
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


class Redactor:
    """Blanks known secrets wherever they occur, and values whose name says that they are secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            if len(secret) >= _SHORTEST_SECRET:
                # As they look in a text, in a URL, in a form and inside a JSON string.
                escaped = json.dumps(secret)[1:-1]
                forms |= {secret, quote(secret, safe=""), quote_plus(secret), escaped}
        # The longest first, so that a secret within a secret leaves no remains.
        ordered = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    @classmethod
    def of_request(cls, request: httpx.Request, secrets: Iterable[str] = ()) -> Redactor:
        """Make one that also knows the sensitive values of `request`: an answer may echo them."""
        found = list(secrets)
        named = [*request.headers.multi_items(), *request.url.params.multi_items()]
        for name, value in named:
            if is_sensitive(name):
                found += [value, *value.split()[1:]]
        return cls(found)

    def text(self, text: str) -> str:
        """Blank the secrets, drop what cannot be stored, and cut to the logged length."""
        blanked = self._pattern.sub(REDACTED, text) if self._pattern else text
        return storable(blanked)[:LOGGED_CHARACTERS]

    def headers(self, headers: httpx.Headers) -> dict[str, str]:
        """Write headers as an object, sensitive ones blanked."""
        return {
            name: REDACTED if is_sensitive(name) else self.text(value)
            for name, value in headers.items()
        }

    def query(self, url: httpx.URL) -> str | None:
        """Write the query string, sensitive values blanked; None when there is none."""
        pairs = [
            (name, REDACTED if is_sensitive(name) else self.text(value))
            for name, value in url.params.multi_items()
        ]
        return "&".join(f"{quote_plus(n)}={quote_plus(v, safe='[]')}" for n, v in pairs) or None

    def body(self, raw: bytes) -> JsonValue:
        """Write a body as the log has it: an object when it is a JSON object, else a string."""
        text = self.text(raw[:READ_BYTES].decode("utf-8", "replace"))
        parsed = parse_json(text)
        return parsed if isinstance(parsed, dict) and _is_storable(parsed) else text


def parse_json(text: str) -> JsonValue:
    """Decode JSON; None when it is none."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def storable(text: str) -> str:
    """Replace what a PostgreSQL text or JSON column refuses: NUL and lone surrogates."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    return text.encode("utf-8", "replace").decode() if not _is_unicode(text) else text


def _is_storable(value: JsonValue) -> bool:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return False
    return "\\u0000" not in text and _is_unicode(text)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
