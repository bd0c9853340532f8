"""Pages of a real table: nothing is lost and nothing comes twice."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.kit.cursors import decode_cursor, encode_cursor
from api.kit.pagination import BY_TIME_AND_UUID
from domain.kit.pages import Page, PageRequest
from domain.messages.filters import MessageFilters
from domain.messages.messages import Message
from models.queries.messages.messages import list_messages
from runtime.database import Connection, Database
from tests.support.builders import T0, Builder, Environment


async def _fetch(
    connection: Connection, environment: Environment, request: PageRequest
) -> Page[Message]:
    """Fetch a page as a client does: boundaries go through cursors."""
    through = {
        name: decode_cursor(encode_cursor(boundary), BY_TIME_AND_UUID)
        for name, boundary in (("after", request.after), ("before", request.before))
        if boundary is not None
    }
    return await list_messages(
        connection, environment.id, MessageFilters(), PageRequest(request.size, **through)
    )


async def _walk(
    make: Builder, environment: Environment, size: int, inserts: list[int]
) -> list[str]:
    """Go through all pages, inserting a message between each two; return the ids seen."""
    seen: list[str] = []
    pending = iter(inserts)
    request = PageRequest(size)
    async with make.database.connection() as connection:
        while True:
            page = await _fetch(connection, environment, request)
            seen += [str(row.id) for row in page.rows]
            if page.after is None:
                return seen
            request = PageRequest(size, after=page.after)
            minute = next(pending, None)
            if minute is not None:
                await make.message(environment, uuid4(), minute=minute)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    minutes=st.lists(st.integers(1, 6), max_size=12),
    size=st.integers(1, 5),
    inserts=st.lists(st.integers(0, 8), max_size=6),
)
async def test_paging_while_rows_are_inserted(
    make: Builder, minutes: list[int], size: int, inserts: list[int]
) -> None:
    """Rows that were there from the start are each seen once, in order, whatever is inserted."""
    environment = await make.environment()
    for minute in minutes:
        await make.message(environment, uuid4(), minute=minute)
    rows = await make.rows(
        "SELECT id FROM messages WHERE environment_id = %s ORDER BY inserted_at DESC, id DESC",
        environment.id,
    )
    before = [str(row["id"]) for row in rows]
    seen = await _walk(make, environment, size, inserts)
    assert len(set(seen)) == len(seen)
    assert [one for one in seen if one in set(before)] == before


@pytest.mark.parametrize("size", [1, 2, 3, 7])
async def test_going_back_mirrors_going_on(
    make: Builder, environment: Environment, size: int
) -> None:
    """Pages before a cursor come in the list's order and end with the first row."""
    ids = [await make.message(environment, uuid4(), minute=minute // 2) for minute in range(7)]
    seen: list[str] = []
    async with make.database.connection() as connection:
        request = PageRequest(size, before=(T0, UUID(ids[0])))
        for _ in itertools.count():
            page = await _fetch(connection, environment, request)
            seen = [str(row.id) for row in page.rows] + seen
            if page.before is None:
                break
            request = PageRequest(size, before=page.before)
    assert seen == list(reversed(ids))[:-1]


async def test_between_two_cursors(
    make: Builder, database: Database, environment: Environment
) -> None:
    """With both cursors given, only rows strictly between them are shown."""
    ids = [await make.message(environment, uuid4(), minute=minute) for minute in range(5)]
    moments: list[Any] = await make.rows(
        "SELECT inserted_at, id FROM messages WHERE environment_id = %s ORDER BY id",
        environment.id,
    )
    first, last = moments[0], moments[4]
    async with database.connection() as connection:
        page = await _fetch(
            connection,
            environment,
            PageRequest(
                50,
                after=(last["inserted_at"], last["id"]),
                before=(first["inserted_at"], first["id"]),
            ),
        )
    assert [str(row.id) for row in page.rows] == [ids[3], ids[2], ids[1]]
    assert page.after is None


async def test_the_ends_have_no_cursor(make: Builder, environment: Environment) -> None:
    """`after` is null on the last page, so that clients stop; `before` is null on the first."""
    for minute in range(3):
        await make.message(environment, uuid4(), minute=minute)
    async with make.database.connection() as connection:
        first = await _fetch(connection, environment, PageRequest(2))
        last = await _fetch(connection, environment, PageRequest(2, after=first.after))
        back = await _fetch(connection, environment, PageRequest(2, before=last.before))
    assert (first.before is None, first.after is None) == (True, False)
    assert (last.before is None, last.after is None) == (False, True)
    assert [row.id for row in back.rows] == [row.id for row in first.rows]


@given(st.text(max_size=60))
def test_junk_is_no_cursor(text: str) -> None:
    """Text that we did not write is no cursor, and never a fault."""
    assert decode_cursor(text, BY_TIME_AND_UUID) is None


@pytest.mark.parametrize("size", [1, 2, 3, 50])
@pytest.mark.parametrize("wanted", [["seen", "read"], ["archived", "unread", "seen"]])
async def test_rows_that_are_found_in_several_ways(
    make: Builder, environment: Environment, wanted: list[str], size: int
) -> None:
    """A message that fulfils several of the wanted statuses comes once, in its place."""
    # Seen, read and archived are the bits of the minute, so that every mixture is there.
    for minute in range(8):
        done = {
            f"{status}_at": T0
            for bit, status in enumerate(("seen", "read", "archived"))
            if minute >> bit & 1
        }
        await make.message(environment, uuid4(), minute=minute, **done)
    filters = MessageFilters(engagement_status=wanted)
    matching = "seen_at IS NOT NULL OR " + (
        "read_at IS NOT NULL" if "read" in wanted else "archived_at IS NOT NULL OR read_at IS NULL"
    )
    rows = await make.rows(
        f"SELECT id FROM messages WHERE environment_id = %s AND ({matching})"
        " ORDER BY inserted_at DESC, id DESC",
        environment.id,
    )
    onward, backward = list[UUID](), list[UUID]()
    async with make.database.connection() as connection:
        page = await list_messages(connection, environment.id, filters, PageRequest(size))
        onward += [row.id for row in page.rows]
        while page.after is not None:
            request = PageRequest(size, after=page.after)
            page = await list_messages(connection, environment.id, filters, request)
            onward += [row.id for row in page.rows]
        request = PageRequest(size, before=(T0, UUID(int=0)))
        while True:
            page = await list_messages(connection, environment.id, filters, request)
            backward = [row.id for row in page.rows] + backward
            if page.before is None:
                break
            request = PageRequest(size, before=page.before)
    assert onward == backward == [row["id"] for row in rows]
