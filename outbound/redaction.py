"""Keeps secrets out of delivery logs."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

import httpx

from domain.kit.json_types import JsonValue, read_json
from domain.kit.storable import storable_json, storable_text

REDACTED = "[redacted]"
LOGGED_CHARACTERS = 65_536
# A little more than is logged, so that a secret across the cut is seen whole and blanked.
READ_BYTES = LOGGED_CHARACTERS + 1_024

_SENSITIVE_NAME = re.compile(
    r"authori[sz]ation|(^|[-_])auth([-_]|$)|cookie|token|secret|api[-_]?key|access[-_]?key"
    r"|password|passwd|signature|credential|(^|[-_])(key|sig|jwt|pwd)$"
)
# Ends in "key" but is the message's id, which the log shows anyway.
_HARMLESS_NAMES = frozenset({"idempotency-key"})
# Blanking shorter values would eat ordinary words and hide nothing.
_SHORTEST_SECRET = 4


def is_sensitive(name: str) -> bool:
    """Tell whether a header or query parameter of this name is taken to hold a secret."""
    name = name.strip().lower()
    return name not in _HARMLESS_NAMES and _SENSITIVE_NAME.search(name) is not None


class Redactor:
    """Blanks known secrets wherever they occur, and values whose name says that they are secret."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(s for s in secrets if len(s) >= _SHORTEST_SECRET)
        forms: set[str] = set()
        for secret in self._secrets:
            # As they look in plain text, in a URL, in a form and inside a JSON string.
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
        if request.url.userinfo:
            # httpx sends it as basic authentication, after we have looked at the headers.
            login = ":".join(map(unquote, (request.url.username, request.url.password)))
            basic = base64.b64encode(login.encode("utf-8", "replace")).decode()
            found += [basic, request.url.password]
        return cls(found)

    def text(self, text: str) -> str:
        """Blank the secrets, replace what cannot be stored, and cut to the logged length."""
        return storable_text(self._blank(text))[:LOGGED_CHARACTERS]

    def within(self, value: JsonValue) -> JsonValue:
        """Blank the secrets in all texts and names of a JSON value, and numbers that are one."""
        if isinstance(value, str):
            return self._blank(value)
        if isinstance(value, dict):
            return {self._blank(name): self.within(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.within(member) for member in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            return REDACTED if str(value) in self._secrets else value
        return value

    def _blank(self, text: str) -> str:
        return self._pattern.sub(REDACTED, text) if self._pattern else text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
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
        """Write a body as the log has it: an object when it is a JSON object, else a string.

        An object that cannot be stored as it is stays the string that it came as.
        """
        text = self.text(raw[:READ_BYTES].decode("utf-8", "replace"))
        parsed = parse_json(text)
        if not isinstance(parsed, dict) or storable_json(parsed) != parsed:
            return text
        # Once more on what the text says: an escape such as \u0068 hides a secret from the first.
        return self.within(parsed) if "\\" in text else parsed


def texts_within(value: JsonValue) -> Iterator[str]:
    """Yield every text in a JSON value, but no names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from texts_within(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts_within(member)


def parse_json(text: str) -> JsonValue:
    """Decode JSON; None when it is not JSON, or holds a number that is not finite."""
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return None
