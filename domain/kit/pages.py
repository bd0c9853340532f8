"""Pages of a list: what a caller asks for, and what it is given back.

A boundary holds the sort values of one row. Rows are compared with it, never counted, so rows
that appear in between neither hide nor repeat others (Knock API reference, "Pagination").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID

R = TypeVar("R")
S = TypeVar("S")

SortValue: TypeAlias = str | int | datetime | UUID
Boundary: TypeAlias = tuple[SortValue, ...]


@dataclass(frozen=True, slots=True)
class PageRequest:
    """At most `size` rows after and before the given boundaries, in the list's order."""

    size: int = 50
    after: Boundary | None = None
    before: Boundary | None = None

    @property
    def is_backward(self) -> bool:
        """Tell whether rows are taken from the end that is nearest to `before`."""
        return self.before is not None and self.after is None


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Rows in the list's order, and the boundaries to ask for more with."""

    rows: Sequence[R]
    size: int
    after: Boundary | None = None
    before: Boundary | None = None

    def of(self, rows: Iterable[S]) -> Page[S]:
        """Return the same page with what its rows were turned into."""
        return Page(list(rows), self.size, self.after, self.before)
