"""What statements have in common: typed rows, conditions, lists in pages.

A row is a frozen dataclass in `domain/<area>/`; its fields name the columns, so that a column is
written in the table, in the migration and in the row, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar
from uuid import UUID

from psycopg import AsyncRawCursor
from psycopg.rows import DictRow, class_row, dict_row

from domain.kit.filters import Bounds
from domain.kit.pages import Boundary, Page, PageRequest
from domain.recipients.refs import RecipientRef
from runtime.database import Connection

R = TypeVar("R")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
Values = Sequence[Any] | Mapping[str, Any]


def columns_of(row: type, alias: str, expressions: Mapping[str, str] | None = None) -> str:
    """Write the columns of a SELECT for the fields of a row.

    Args:
        row: a dataclass.
        alias: of the table that has the fields' columns.
        expressions: SQL for fields that are not plain columns of it.
    """
    given = expressions or {}
    return ", ".join(
        f"{given[name]} AS {name}" if name in given else f"{alias}.{name}" for name in names_of(row)
    )


def insert_rows(table: str, columns: Sequence[str], *, returns: bool = False) -> str:
    """Write a part of a WITH that adds rows, given as a list of JSON objects named like the table.

    Columns are named: one that a newer release added takes its default, so a process of the
    release before it still writes.

    Args:
        table: which table; the part is called `added_` and its name.
        columns: what the objects hold.
        returns: whether the part has the rows it added.
    """
    names = ", ".join(columns)
    returning = f" RETURNING {names}" if returns else ""
    return (
        f"added_{table} AS (INSERT INTO {table} ({names}) SELECT {names}"  # noqa: S608 - constants
        f" FROM jsonb_populate_recordset(NULL::{table}, %({table})s){returning})"
    )


def exceeds(document: str, limit: int) -> str:
    """Return the condition that a jsonb document has more bytes than a limit, as compact JSON.

    That is what requests are measured by (`encoded_size`); PostgreSQL writes a space after each
    comma and colon, which may make half as much again. Most documents are within the limit even
    so, and are looked at no further.

    Args:
        document: its expression.
        limit: the most bytes.
    """
    text = f"{document}::text"
    # A string stays as it is, and every space beside them goes.
    compact = rf"""regexp_replace({text}, '("(?:[^"\\]|\\.)*")| ', '\1', 'g')"""
    return f"(octet_length({text}) > {limit} AND octet_length({compact}) > {limit})"


def as_iso(instant: str) -> str:
    """Return an expression that writes an instant as `iso` does, for what JSON keeps of it."""
    return f"""to_char({instant} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def listed(words: Iterable[str]) -> str:
    """Write words of a vocabulary of ours as constants, for `IN (…)`."""
    return ", ".join(f"'{word}'" for word in words)


def names_of(row: type) -> tuple[str, ...]:
    """Return the names of the columns that a row has."""
    return tuple(column.name for column in fields(row))


class Compiled:
    """A statement whose named placeholders were read once.

    psycopg remembers where the placeholders of a statement stand, but only up to 4 kB: a longer one
    it takes apart anew at every execution, which costs more than all the rest of its work.
    """

    def __init__(self, statement: str) -> None:
        places: dict[str, int] = {}
        self._text = _PLACEHOLDER.sub(
            lambda found: f"${places.setdefault(found[1], len(places) + 1)}", statement
        ).replace("%%", "%")
        self._names = tuple(places)

    async def execute(
        self, connection: Connection, values: Mapping[str, Any]
    ) -> AsyncRawCursor[DictRow]:
        """Run the statement and return its cursor; values that it does not name are left out."""
        cursor = AsyncRawCursor(connection, row_factory=dict_row)
        return await cursor.execute(self._text, [values[name] for name in self._names])


async def fetch_all(
    connection: Connection,
    row: type[R],
    statement: str,
    values: Values = (),
    *,
    prepare: bool | None = None,
) -> list[R]:
    """Run a statement and return its rows, typed.

    A statement that is run often is prepared, and after a while planned once for whatever values
    come. With `prepare=False` it is planned for its own each time, which costs 0.3 ms.
    """
    async with connection.cursor(row_factory=class_row(row)) as cursor:
        await cursor.execute(statement, values, prepare=prepare)
        return await cursor.fetchall()


async def fetch_ids(connection: Connection, statement: str, values: Values = ()) -> list[UUID]:
    """Run a statement, such as one that locks rows, and return the ids that it finds."""
    cursor = await connection.execute(statement, values)
    return [row["id"] for row in await cursor.fetchall()]


async def fetch_one(
    connection: Connection,
    row: type[R],
    statement: str,
    values: Values = (),
    *,
    prepare: bool | None = None,
) -> R | None:
    """Run a statement and return its first row, typed, or None; `prepare` as in `fetch_all`."""
    async with connection.cursor(row_factory=class_row(row)) as cursor:
        await cursor.execute(statement, values, prepare=prepare)
        return await cursor.fetchone()


class Where:
    """Gathers conditions and their positional parameters."""

    def __init__(self) -> None:
        self.conditions: list[str] = []
        self.alternatives: list[Where] = []
        self._values: list[Any] = []

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition."""
        self.conditions.append(condition)
        self._values.extend(values)

    def add_given(self, condition: str, value: Any) -> None:
        """Add a condition unless its value was not given."""
        if value is not None:
            self.add(condition, value)

    def add_by_name(self, conditions: Mapping[str, str], filters: object) -> None:
        """Add for each filter that was given the condition that bears its name."""
        for name, condition in conditions.items():
            self.add_given(condition, getattr(filters, name))

    def add_alternative(self, condition: str, *values: Any) -> None:
        """Add one of the conditions of which any is enough.

        A page looks for the rows of each by itself, by an index of its own, and no further than a
        page goes; a row that fulfils several is shown once.
        """
        alternative = Where()
        alternative.add(condition, *values)
        self.alternatives.append(alternative)

    def recipient(self, ref: RecipientRef | None, alias: str = "m") -> None:
        """Add: belongs to this recipient."""
        if ref is not None:
            self.add(
                f"{alias}.recipient_id = %s AND {alias}.collection = %s", ref.id, ref.collection
            )

    def bounds(self, column: str, bounds: Bounds) -> None:
        """Add the given limits of an instant."""
        self.add_given(f"{column} > %s", bounds.gt)
        self.add_given(f"{column} >= %s", bounds.gte)
        self.add_given(f"{column} < %s", bounds.lt)
        self.add_given(f"{column} <= %s", bounds.lte)

    def joined(self, other: Where) -> Where:
        """Return the conditions of both, without alternatives."""
        both = Where()
        for part in (self, other):
            both.conditions.extend(part.conditions)
            both._values.extend(part._values)
        return both

    @property
    def sql(self) -> str:
        """Return the conditions joined by AND."""
        any_of = " OR ".join(alternative.sql for alternative in self.alternatives)
        return " AND ".join([*self.conditions, *([f"({any_of})"] if any_of else [])])

    @property
    def values(self) -> list[Any]:
        """Return the values for the placeholders of `sql`, in their order."""
        return [
            *self._values,
            *(value for alternative in self.alternatives for value in alternative.values),
        ]


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """A list that is read in pages.

    Attributes:
        row: the dataclass of its rows.
        source: what stands after FROM, such as `recipients r`.
        alias: of the table whose columns the fields are.
        keys: fields that the list is sorted by; together unique and never null.
        descending: whether it runs from high to low, in all keys.
        expressions: SQL for fields that are not plain columns of the table.
        finds: the table whose rows have the keys, such as `recipients r`, where an index has most
            of what the list is filtered by: the rows of a page are found before they are read.
    """

    row: type[R]
    source: str
    alias: str
    keys: tuple[str, ...]
    descending: bool = True
    finds: str | None = None
    expressions: Mapping[str, str] = field(default_factory=dict)

    async def page(
        self,
        connection: Connection,
        where: Where,
        request: PageRequest,
        *,
        given: Sequence[Any] = (),
    ) -> Page[R]:
        """Return a page of the rows that fulfil the conditions.

        Rows are compared with a boundary, never counted: what appears in between neither hides nor
        repeats others. One row more than asked for tells whether there are more.

        Args:
            connection: where to read.
            where: the conditions.
            request: which page.
            given: values for the placeholders of the source.
        """
        keys = ", ".join(map(self._key, self.keys))
        bounds = Where()
        onward, back = ("<", ">") if self.descending else (">", "<")
        for boundary, operator in ((request.after, onward), (request.before, back)):
            if boundary is not None:
                places = ", ".join(["%s"] * len(self.keys))
                bounds.add(f"({keys}) {operator} ({places})", *boundary)
        direction = "DESC" if self.descending != request.is_backward else "ASC"
        order = ", ".join(f"{self._key(key)} {direction}" for key in self.keys)
        ways = [where.joined(one).joined(bounds) for one in where.alternatives or [Where()]]
        pages = [f"{way.sql} ORDER BY {order} LIMIT {request.size + 1:d}" for way in ways]
        page, values = pages[0], [*given, *(value for way in ways for value in way.values)]
        if self.finds is not None or len(pages) > 1:
            source = self.finds or self.source
            found = [f"SELECT {keys} FROM {source} WHERE {page}" for page in pages]  # noqa: S608
            page = f"({keys}) IN ({self._merged(found, direction, request)}) ORDER BY {order}"
        # What few rows have is found in another way than what many have, so a plan that was made
        # for whatever is looked for would, of a rare value, read the whole list.
        statement = f"{self._select} WHERE {page}"
        rows = await fetch_all(connection, self.row, statement, values, prepare=False)
        return self._turn(request, rows)

    def _merged(self, found: Sequence[str], direction: str, request: PageRequest) -> str:
        """Write the statement for the keys of a page from those that find its rows by some way.

        Those of several ways, a page of each at most, are sorted before any row is read whole.
        """
        if len(found) == 1:
            return found[0]
        order = ", ".join(f"{key} {direction}" for key in self.keys)
        union = " UNION ".join(f"({statement})" for statement in found)
        return f"{union} ORDER BY {order} LIMIT {request.size + 1:d}"

    async def all(self, connection: Connection, where: Where) -> list[R]:
        """Return the rows that fulfil the conditions, in no order; few, as ids name them."""
        return await fetch_all(
            connection, self.row, f"{self._select} WHERE {where.sql}", where.values
        )

    async def one(self, connection: Connection, where: Where) -> R | None:
        """Return the row that fulfils the conditions, as the list would show it, or None."""
        return await fetch_one(
            connection, self.row, f"{self._select} WHERE {where.sql}", where.values
        )

    @property
    def _select(self) -> str:
        columns = columns_of(self.row, self.alias, self.expressions)
        return f"SELECT {columns} FROM {self.source}"  # noqa: S608 - constants

    def _key(self, key: str) -> str:
        return self.expressions.get(key, f"{self.alias}.{key}")

    def _turn(self, request: PageRequest, rows: list[R]) -> Page[R]:
        """Make a page of the rows that the statement returned, back in the list's order."""
        has_more = len(rows) > request.size
        rows = rows[: request.size]
        if request.is_backward:
            rows.reverse()
        if not rows:
            return Page(rows, request.size)
        first, last = self._boundary(rows[0]), self._boundary(rows[-1])
        if request.is_backward:
            return Page(rows, request.size, after=last, before=first if has_more else None)
        return Page(
            rows,
            request.size,
            after=last if has_more else None,
            before=first if request.after is not None else None,
        )

    def _boundary(self, row: R) -> Boundary:
        return tuple(getattr(row, key) for key in self.keys)
