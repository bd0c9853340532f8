"""Paths into the data of a run, such as `data.items.0.price`, and what they find."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

# The roots that a condition may read (Knock docs: "Conditions", variable types).
PREFIXES = ("data", "recipient", "actor", "tenant", "vars", "workflow", "run", "refs", "event")
_PATH = re.compile(rf"(?:{'|'.join(PREFIXES)})(?:\.[^\s.]+)+")
_INDEX = re.compile(r"[0-9]{1,9}")


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.MISSING


def is_path(text: str) -> bool:
    """Tell whether a text is a known root followed by at least one segment."""
    return _PATH.fullmatch(text) is not None


def lookup(values: Mapping[str, Any], path: str) -> Any:
    """Return what the dotted path finds in `values`, or MISSING; digits index into lists."""
    return lookup_parts(values, path.split("."))


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
