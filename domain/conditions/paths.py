"""Paths into the data of a run, such as `data.items[0].price`, and what they find.

`data.items.0.price` is the same path, and so is `data["items"][0].price`: brackets are for indexes
and for names with a dot or a blank in them, as in Liquid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

# The roots that a condition may read (Knock docs: "Conditions", variable types).
PREFIXES = (
    "data",
    "recipient",
    "actor",
    "tenant",
    "vars",
    "workflow",
    "run",
    "refs",
    "event",
    "inputs",
)
_BRACKETS = r"""\[(?:[0-9]{1,9}|"[^"\s][^"]*"|'[^'\s][^']*')\]"""
_PATH = re.compile(rf"(?:{'|'.join(PREFIXES)})(?:\.[^\s.\[\]]+|{_BRACKETS})+")
_PART = re.compile(rf"{_BRACKETS}|[^.\[]+|\[")
_INDEX = re.compile(r"[0-9]{1,9}")


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.MISSING


def is_path(text: str) -> bool:
    """Tell whether a string is a known root followed by at least one segment."""
    return _PATH.fullmatch(text) is not None


def split_path(path: str) -> tuple[str, ...]:
    """Return the names and indexes of a path, however they are written."""
    if "[" not in path:
        return tuple(path.split("."))
    parts = _PART.findall(path)
    return tuple(part.strip("[]").strip("\"'") if part[0] == "[" else part for part in parts)


def lookup(values: Mapping[str, Any], path: str) -> Any:
    """Return what a path finds in `values`, or MISSING."""
    return lookup_parts(values, split_path(path))


def lookup_parts(values: Mapping[str, Any], parts: Sequence[str]) -> Any:
    """Return what the split path finds in `values`, or MISSING."""
    found: Any = values
    for part in parts:
        if isinstance(found, Mapping):
            found = found.get(part, MISSING)
        elif isinstance(found, (list, tuple)) and _INDEX.fullmatch(part):
            found = found[int(part)] if int(part) < len(found) else MISSING
        else:
            return MISSING
    return found
