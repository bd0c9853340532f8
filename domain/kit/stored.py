"""What content of every kind is stored as: without what a client keeps in it, and with its hash."""

from __future__ import annotations

import hashlib
import json
import re

from domain.kit.json_types import JsonObject, JsonValue

# Keys that Knock's CLI writes for itself; `<field>@` names the file that a field's text came from.
_CLIENT_KEYS = frozenset({"$schema", "__readonly", "__annotation"})
_KEY = re.compile(r"[a-z0-9_-]{3,255}")
KEY_WORDS = "must be 3 to 255 characters of a-z, 0-9, _ and -"
MAX_NAME_LENGTH = 255


def is_content_key(key: str) -> bool:
    """Tell whether a key may name a piece of content: 3 to 255 of a-z, 0-9, `_` and `-`."""
    return _KEY.fullmatch(key) is not None


def content_sha(content: JsonObject) -> str:
    """Return the hash of a content document; the order of its keys does not matter."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def without_client_keys(value: JsonValue) -> JsonValue:
    """Return a copy of a value without the keys that Knock's CLI adds for itself."""
    if isinstance(value, dict):
        return {
            key: without_client_keys(member)
            for key, member in value.items()
            if key not in _CLIENT_KEYS and not key.endswith("@")
        }
    if isinstance(value, list):
        return [without_client_keys(member) for member in value]
    return value
