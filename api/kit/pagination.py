"""Which page of a list is asked for (Knock API reference, "Pagination")."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from api.kit.cursors import Kinds, decode_cursor
from api.kit.query_strings import Query
from domain.kit.errors import InvalidParams
from domain.kit.pages import Boundary, PageRequest
from domain.kit.violations import Violations

BY_TIME_AND_ID: Kinds = (datetime, str)
# A recipient by its collection and id.
BY_TIME_AND_REF: Kinds = (datetime, str, str)
BY_TIME_AND_UUID: Kinds = (datetime, UUID)
BY_ID: Kinds = (str,)
BY_UUID: Kinds = (UUID,)
BY_POSITION: Kinds = (int,)
BY_TYPE_AND_KEY: Kinds = (str, str)

MAX_PAGE_SIZE = 50
_DEFAULT_PAGE_SIZE = 50
_MAX_LENGTH = 2048


def read_page(
    query: Query,
    kinds: Kinds,
    *,
    size_name: str = "page_size",
    max_size: int = MAX_PAGE_SIZE,
) -> PageRequest:
    """Read which page is asked for; the size is pulled into 1 to `max_size`.

    Raises:
        InvalidParams: `after` or `before` is not a cursor of such a list, the size is no number.
    """
    violations = Violations()
    size = violations.read(
        query.integer, size_name, default=_DEFAULT_PAGE_SIZE, low=1, high=max_size
    )
    boundaries = {
        name: violations.read(_boundary, query, name, kinds) for name in ("after", "before")
    }
    violations.raise_any()
    return PageRequest(size, **boundaries)


def _boundary(query: Query, name: str, kinds: Kinds) -> Boundary | None:
    text = query.text(name, max_length=_MAX_LENGTH)
    if text is None:
        return None
    boundary = decode_cursor(text, kinds)
    if boundary is None:
        raise InvalidParams.of(name, "is not a valid cursor")
    return boundary
