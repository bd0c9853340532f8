"""Filters of lists, declared once: for the document, for reading a query, and for SQL.

A list's filters are a frozen dataclass. Each field is annotated with what the document says of it:

    tenant: Annotated[str | None, Filter("Only messages of this tenant.")] = None

Its type decides how a query is read (`api/kit/lists.py`), its name which condition it becomes
(`models/sql.py: Where.add_by_name`). A field without an annotation is not a parameter of the wire.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.kit.json_types import JsonObject, JsonValue, read_json

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a document says about one filter.

    Attributes:
        description: what the filter does.
        name: on the wire, where it differs from the field.
        choices: the words that are allowed.
        at_most: how many entries a list may have.
        is_required: whether nothing is listed without it.
    """

    description: str
    name: str | None = None
    choices: tuple[str, ...] | None = None
    at_most: int = 100
    is_required: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of an instant; each may be missing."""

    gt: datetime | None = None
    gte: datetime | None = None
    lt: datetime | None = None
    lte: datetime | None = None


@dataclass(frozen=True, slots=True)
class DataFilter:
    """Top-level values that trigger data must have: for each key, any one of several.

    Source: Knock docs, "Filtering messages by trigger data"; exact values, no operators.
    """

    wanted: Mapping[str, tuple[JsonValue, ...]]

    @classmethod
    def of_json(cls, values: JsonObject) -> DataFilter:
        """Ask for values as they are."""
        return cls({key: (value,) for key, value in values.items()})

    @classmethod
    def of_texts(cls, texts: Mapping[str, str]) -> DataFilter:
        """Ask for values written as text, which `key[name]=42` cannot tell from the number."""
        return cls({key: _readings(text) for key, text in texts.items()})

    def matches(self, data: JsonObject) -> bool:
        """Tell whether data has the values; as in JSON, true is not 1."""
        return all(
            key in data
            and any(
                data[key] == value and isinstance(data[key], bool) is isinstance(value, bool)
                for value in values
            )
            for key, values in self.wanted.items()
        )


def _readings(text: str) -> tuple[JsonValue, ...]:
    if text in ("true", "false"):
        return text, text == "true"
    try:
        number = read_json(text) if _NUMBER.fullmatch(text) else None
    except ValueError:  # more digits than an integer may have, or too large for a float
        return (text,)
    return (text,) if number is None else (text, number)
