"""The cursors of lists (Knock API reference, "Pagination").

A cursor is URL-safe base64 of a version and the sort values of a row. It is opaque to callers;
whether its values are of the right kinds is checked when it comes back.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

from domain.kit.pages import Boundary, SortValue

# The kinds of the sort values of a list, in order.
Kinds: TypeAlias = tuple[type[SortValue], ...]

_VERSION = 1
# Made once: a feed writes a cursor for each of its items.
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def encode_cursor(boundary: Boundary) -> str:
    """Write a boundary as a cursor."""
    document = _ENCODER.encode([_VERSION, *map(_plain, boundary)])
    return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def _plain(value: SortValue) -> str | int:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return str(value) if isinstance(value, UUID) else value


def decode_cursor(text: str, kinds: Kinds) -> Boundary | None:
    """Read a cursor back; None when it is not a cursor of a list with these sort values."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        document = json.loads(raw.decode())
        if not isinstance(document, list) or document[:1] != [_VERSION]:
            return None
        values = tuple(_typed(v, kind) for v, kind in zip(document[1:], kinds, strict=True))
    except (ValueError, OverflowError, RecursionError):
        return None
    return values


def _typed(value: Any, kind: type[SortValue]) -> SortValue:
    """Turn a decoded value into its kind. Raises ValueError when it is of another."""
    if kind is datetime or kind is int:
        if type(value) is not int or abs(value) >= 2**62:
            raise ValueError("not an integer")
        return value if kind is int else _EPOCH + value * _MICROSECOND
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("not a string")
    value.encode()  # a lone surrogate is a ValueError too
    return UUID(value) if kind is UUID else value
