"""Decodes query strings in every encoding that Knock's clients send, and reads typed values.

`a=1`, `a=1&a=2`, `a[]=1`, `a[0][id]=x`, `a[][id]=x&a[][collection]=y`, `inserted_at[gte]=…`,
`inserted_at.gte=…` (Knock API reference; the official clients' query builders). A bare key, an
empty value and the word null are what clients make of a value they do not have: they are absent.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import Depends, Request

from api.kit.bodies import parse_object
from domain.kit.clock import parse_instant
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.filters import Bounds, DataFilter
from domain.kit.json_types import JsonObject
from domain.kit.violations import Violations
from domain.recipients.refs import USERS, RecipientRef

Node: TypeAlias = Any  # str, list of nodes, or dict of nodes

_MAX_FIELDS = 1000
_ABSENT = ("", "null")
_MAX_SEGMENTS = 3
_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
# A dot is part of a name everywhere else.
_DOTTED = ("inserted_at.", "query_options.")


class Query:
    """The decoded query of a request; every reader raises InvalidParams with the field's name."""

    def __init__(self, raw: bytes) -> None:
        self._nodes = decode(raw)

    @classmethod
    def of_members(cls, members: JsonObject) -> Query:
        """Return the members of a JSON object as parameters, as a client would have written them.

        `inserted_at.gte` is written as in a query; booleans and numbers as JSON writes them.
        """
        query = cls(b"")
        for key, value in members.items():
            text = value if isinstance(value, (str, list)) else json.dumps(value)
            if text not in _ABSENT:
                _store(query._nodes, _segments(key), text)
        return query

    def text(self, name: str, *, max_length: int = 1024) -> str | None:
        """Read one string."""
        value = self._nodes.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise InvalidParams.of(name, "must be a single string")
        if len(value) > max_length:
            raise InvalidParams.of(name, f"must have at most {max_length} characters")
        return value

    def required(self, name: str) -> str:
        """Read one string that may not be absent."""
        value = self.text(name)
        if value is None:
            raise InvalidParams.of(name, "is required")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        """Read one of several words."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise InvalidParams.of(name, f"must be one of: {', '.join(choices)}")
        return value

    def boolean(self, name: str) -> bool | None:
        """Read `true` or `false`."""
        value = self.choice(name, ("true", "false"))
        return None if value is None else value == "true"

    def integer(self, name: str, *, default: int, low: int, high: int) -> int:
        """Read a whole number, pulled into its range as Knock does."""
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value, re.ASCII):
            raise InvalidParams.of(name, "must be an integer")
        return min(max(int(value), low), high)

    def uuid(self, name: str) -> UUID | None:
        """Read a UUID."""
        value = self.text(name)
        if value is None:
            return None
        try:
            return UUID(value)
        except ValueError:
            raise InvalidParams.of(name, "must be a UUID") from None

    def texts(
        self, name: str, *, choices: tuple[str, ...] | None = None, at_most: int = 100
    ) -> list[str] | None:
        """Read a list of strings in any encoding; None when it is not given."""
        values = self.nodes(name)
        if values is None:
            return None
        if len(values) > at_most:
            raise InvalidParams.of(name, f"must have at most {at_most} entries")
        refused = []
        for index, value in enumerate(values):
            if not isinstance(value, str):
                refused.append(FieldError(f"{name}[{index}]", "must be a string"))
            elif choices is not None and value not in choices:
                told = f"must be one of: {', '.join(choices)}"
                refused.append(FieldError(f"{name}[{index}]", told))
        if refused:
            raise InvalidParams(refused)
        return values

    def nodes(self, name: str) -> list[Node] | None:
        """Read a list of strings and objects; a single value counts as a list of one."""
        node = self._nodes.get(name)
        if node is None:
            return None
        if isinstance(node, list):
            return node
        if isinstance(node, dict) and all(key.isdecimal() and len(key) < 10 for key in node):
            return [node[key] for key in sorted(node, key=int)]
        return [node]

    def references(self, name: str, *, at_most: int = 100) -> list[RecipientRef] | None:
        """Read recipients: user ids, and objects by `id` and `collection`; None when not given."""
        values = self.nodes(name)
        if values is None:
            return None
        if len(values) > at_most:
            raise InvalidParams.of(name, f"must have at most {at_most} entries")
        violations = Violations()
        found = [
            violations.read(_reference, f"{name}[{index}]", value)
            for index, value in enumerate(values)
        ]
        violations.raise_any()
        return found

    def recipient(self, name: str) -> RecipientRef | None:
        """Read one recipient: a user id, or an object's id and collection, also as JSON text."""
        node = self._nodes.get(name)
        if isinstance(node, str) and node.startswith("{"):
            node = self.json_object(name)
        return _reference(name, node, collection=None) if node else None

    def bounds(self, name: str) -> Bounds:
        """Read the four limits of an instant."""
        node = self._nodes.get(name)
        if node is None:
            return Bounds()
        if not isinstance(node, dict) or not set(node) <= {"gt", "gte", "lt", "lte"}:
            raise InvalidParams.of(name, "takes gt, gte, lt and lte")
        violations = Violations()
        limits = {
            key: violations.read(_instant, f"{name}.{key}", value) for key, value in node.items()
        }
        violations.raise_any()
        return Bounds(**limits)

    def instant(self, name: str) -> datetime | None:
        """Read one instant."""
        value = self.text(name)
        return None if value is None else _instant(name, value)

    def json_object(self, name: str) -> JsonObject | None:
        """Read an object that was sent as JSON text or as `name[key]=value`."""
        node = self._nodes.get(name)
        if node is None:
            return None
        if isinstance(node, dict):
            return node
        if not isinstance(node, str):
            raise InvalidParams.of(name, "must be a JSON object")
        try:
            return parse_object(node.encode())
        except InvalidParams as error:
            raise InvalidParams.of(name, "must be a JSON object") from error

    def spread(self, name: str) -> Query:
        """Return the members of an object as parameters of their own, `name.member` each.

        It may be sent as JSON text, as `name[member]=value` or as `name.member=value`.
        """
        members = Query(b"")
        for key, value in (self.json_object(name) or {}).items():
            text = value if isinstance(value, (str, list, dict)) else json.dumps(value)
            if text not in _ABSENT:
                members._nodes[f"{name}.{key}"] = text
        return members

    def data_filter(self, name: str) -> DataFilter | None:
        """Read values to look for, as a JSON object or as `name[key]=value`; none may be nested."""
        found = self.json_object(name)
        if found is None:
            return None
        for key, value in found.items():
            if isinstance(value, (dict, list)):
                raise InvalidParams.of(name, f"{json.dumps(key)} must not be nested")
        is_json = isinstance(self._nodes[name], str)
        return DataFilter.of_json(found) if is_json else DataFilter.of_texts(found)


def _reference(name: str, value: Node, *, collection: str | None = USERS) -> RecipientRef:
    if isinstance(value, str):
        return RecipientRef.user(value)
    if isinstance(value, dict):
        found, identifier = value.get("collection", collection), value.get("id")
        if isinstance(found, str) and isinstance(identifier, str):
            return RecipientRef(found, identifier)
    raise InvalidParams.of(name, "must be a user id, or an id with a collection")


def _instant(name: str, value: Node) -> datetime:
    moment = parse_instant(value)
    if moment is None and isinstance(value, str):
        moment = parse_instant(value.replace(" ", "+"))  # an offset whose plus was not escaped
    if moment is None:
        raise InvalidParams.of(name, "must be an ISO 8601 date-time")
    return moment


def decode(raw: bytes) -> dict[str, Node]:
    """Turn a query string into a tree.

    Raises:
        InvalidParams: it is not UTF-8, has null characters, too many or malformed fields.
    """
    if not raw:
        return {}
    try:
        pairs = parse_qsl(
            raw.decode("latin-1"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except UnicodeDecodeError:
        raise InvalidParams.of("query", "must be valid UTF-8") from None
    except ValueError:
        raise InvalidParams.of("query", f"must have at most {_MAX_FIELDS} fields") from None
    violations = Violations()
    nodes: dict[str, Node] = {}
    for key, value in pairs:
        violations.read(_take, nodes, key, value)
    violations.raise_any()
    return nodes


def _take(nodes: dict[str, Node], key: str, value: str) -> None:
    if "\x00" in key or "\x00" in value:
        raise InvalidParams.of(key.replace("\x00", ""), "must not contain null characters")
    if value not in _ABSENT:
        _store(nodes, _segments(key), value)


def _segments(key: str) -> list[str]:
    for prefix in _DOTTED:
        if key.startswith(prefix):
            return key.split(".", 1)
    match = _KEY.fullmatch(key)
    if match is None:
        return [key]  # an unknown parameter; nobody asks for it
    segments = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(segments) > _MAX_SEGMENTS:
        raise InvalidParams.of(match[1], "is nested too deeply")
    return segments


def _store(nodes: dict[str, Node], segments: list[str], value: Node) -> None:
    """Put a value where its segments say; `x[][k]` goes on with the last element of x."""
    name, *rest = segments
    current = nodes.get(name)
    if rest and rest[0] == "":
        nodes[name] = _append(name, current, rest[1:], value)
    elif rest:
        if current is None:
            current = nodes[name] = {}
        if not isinstance(current, dict):
            raise InvalidParams.of(name, "is given both as a value and as an object")
        _store(current, rest, value)
    elif current is None:
        nodes[name] = value
    elif isinstance(current, dict):
        raise InvalidParams.of(name, "is given both as a value and as an object")
    else:
        nodes[name] = [*current, value] if isinstance(current, list) else [current, value]


def _append(name: str, current: Node, rest: list[str], value: str) -> list[Node]:
    if isinstance(current, dict):
        raise InvalidParams.of(name, "is given both as a list and as an object")
    elements = [] if current is None else current if isinstance(current, list) else [current]
    if not rest:
        elements.append(value)
        return elements
    last = elements[-1] if elements else None
    if not isinstance(last, dict) or rest[0] in last:
        last = {}
        elements.append(last)
    last[rest[0]] = value
    return elements


async def read_query(request: Request) -> Query:
    """Decode the query of a request."""
    return Query(request.scope["query_string"])


QueryDep = Annotated[Query, Depends(read_query)]
