"""The type of a decoded JSON value, named once; how one is read strictly, and its measures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias
from uuid import UUID

from pydantic_core import PydanticSerializationError, from_json, to_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# A recursive alias costs mypy more than it catches at the edges where JSON enters;
# `JsonValue` says "decoded JSON" to the reader.
JsonValue: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
# What templates and conditions read; see `templating/messages/context.py` for its members.
Scope: TypeAlias = Mapping[str, Any]

# `json.dumps` would make one for each value.
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def read_json(text: str) -> JsonValue:
    """Read JSON as its standard has it: without NaN, infinities, and numbers that become one.

    Raises ValueError, and RecursionError for what is nested too deep for Python.
    """
    return json.loads(text, parse_constant=_refuse_number, parse_float=_read_float)


def _read_float(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse_number(digits)


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:32]} is not a JSON number")


def encoded(value: JsonValue) -> bytes:
    """Write a value as compact JSON in UTF-8, in a third of the time that `json` takes.

    Half of a character, which UTF-8 does not have, is written all the same: PostgreSQL refuses it.
    """
    try:
        return to_json(value)
    except PydanticSerializationError:  # it is nested deeper than that one goes, or not UTF-8
        return _COMPACT.encode(value).encode(errors="surrogatepass")


def decoded(text: bytes | str) -> JsonValue:
    """Read JSON that we or PostgreSQL wrote, in a fifth of the time that `json` takes."""
    try:
        return from_json(text)
    except ValueError:  # it is nested deeper than that one goes
        return json.loads(text)


def encoded_size(value: JsonValue) -> int:
    """Return the bytes that a value takes as compact JSON in UTF-8."""
    return len(encoded(value))


def json_row(row: DataclassInstance) -> JsonObject:
    """Write the fields of a row as JSON: ids and instants as strings, all else as it is."""
    return {field.name: _plain(getattr(row, field.name)) for field in fields(row)}


def _plain(value: object) -> JsonValue:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Enum) else value


def depth_of(value: JsonValue) -> int:
    """Return how deep objects and lists are nested in a value; 0 for a scalar."""
    depth, level = 0, [value]
    while level := [one for one in level if type(one) is dict or type(one) is list]:
        depth += 1
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
        ]
    return depth
