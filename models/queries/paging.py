"""Turns a page request into SQL, and fetched rows into a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.kit.pages import Boundary, Page, PageRequest


@dataclass(frozen=True, slots=True)
class Keyset:
    """The columns a list is sorted by; together unique and never null.

    Attributes:
        columns: SQL expressions such as `m.inserted_at`; the row has them under their last name.
        descending: whether the list runs from high to low, in all columns.
    """

    columns: tuple[str, ...]
    descending: bool = True

    def boundary(self, row: dict[str, Any]) -> Boundary:
        """Return the sort values of a row."""
        return tuple(row[column.rpartition(".")[2]] for column in self.columns)


def conditions(keyset: Keyset, request: PageRequest) -> tuple[list[str], list[Any]]:
    """Return SQL conditions, to be joined by AND, and their positional parameters."""
    onward, back = ("<", ">") if keyset.descending else (">", "<")
    found: list[str] = []
    values: list[Any] = []
    for boundary, operator in ((request.after, onward), (request.before, back)):
        if boundary is not None:
            places = ", ".join(["%s"] * len(keyset.columns))
            found.append(f"({', '.join(keyset.columns)}) {operator} ({places})")
            values.extend(boundary)
    return found, values


def order_and_limit(keyset: Keyset, request: PageRequest) -> str:
    """Return ORDER BY and LIMIT: one row more than asked for tells whether there are more."""
    descending = keyset.descending != request.is_backward
    direction = "DESC" if descending else "ASC"
    columns = ", ".join(f"{column} {direction}" for column in keyset.columns)
    return f"ORDER BY {columns} LIMIT {request.size + 1:d}"


def turn(keyset: Keyset, request: PageRequest, rows: list[dict[str, Any]]) -> Page:
    """Make a page of the rows that such a statement returned, back in the list's order."""
    has_more = len(rows) > request.size
    rows = rows[: request.size]
    if request.is_backward:
        rows.reverse()
    if not rows:
        return Page(rows, request.size)
    first, last = keyset.boundary(rows[0]), keyset.boundary(rows[-1])
    if request.is_backward:
        return Page(rows, request.size, after=last, before=first if has_more else None)
    return Page(
        rows,
        request.size,
        after=last if has_more else None,
        before=first if request.after is not None else None,
    )
