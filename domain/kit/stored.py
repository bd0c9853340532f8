"""What content of every kind is stored as: without what a client keeps in it, and with its hash."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, ValidationError

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Shape, Wrong, violations_of
from domain.kit.violations import Violations

S = TypeVar("S", bound=Shape)

# Keys that Knock's CLI writes for itself; `<field>@` names the file that a field's text came from.
_CLIENT_KEYS = frozenset({"$schema", "__readonly", "__annotation"})
_KEY = re.compile(r"[a-z0-9_-]{1,255}")
_SHORTEST_KEY = 3
MAX_NAME_LENGTH = 255


def is_content_key(key: str, *, shortest: int = _SHORTEST_KEY) -> bool:
    """Tell whether a key may name a piece of content: 3 to 255 of a-z, 0-9, `_` and `-`."""
    return len(key) >= shortest and _KEY.fullmatch(key) is not None


def _name(raw: JsonValue) -> JsonValue:
    if not isinstance(raw, str) or not raw.strip():
        raise Wrong("can't be blank")
    return raw


def check_label(name: str) -> None:
    """Refuse what is no word of a catalog: it has to say something, in 255 characters at most.

    Raises:
        InvalidParams: at `name`.
    """
    if not name.strip():
        raise InvalidParams.of("name", "can't be blank")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidParams.of("name", f"must have at most {MAX_NAME_LENGTH} characters")


# What people call a piece of content.
Name = Annotated[str, BeforeValidator(_name), Field(min_length=1, max_length=MAX_NAME_LENGTH)]


def read_document(
    shape: type[S], content: JsonObject, key: str, *, shortest: int = _SHORTEST_KEY
) -> S:
    """Read what is to be stored under a key.

    Args:
        shape: of the document.
        content: the document.
        key: names it.
        shortest: how many characters the key has at least.

    Raises:
        InvalidParams: with every violation, that of the key first.
    """
    violations = Violations()
    if not is_content_key(key, shortest=shortest):
        violations.add("key", f"must be {shortest} to 255 characters of a-z, 0-9, _ and -")
    try:
        document = shape.model_validate(content)
    except ValidationError as error:
        violations.extend(violations_of(error, content))
        raise violations.refusal() from None
    violations.raise_any()
    return document


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
