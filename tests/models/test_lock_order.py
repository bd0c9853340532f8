"""Whoever locks several rows does it in the order of the columns, whatever a database compares by.

Names that come with a statement would be compared as the database does, where that is not byte by
byte; others lock what they find in the order of columns, which is: two that meet would deadlock.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from domain.audiences.members import Membership
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from models.queries.audiences.members import add_members
from models.queries.recipients.recipients import upsert_recipients
from models.queries.recipients.subscriptions import subscribe_stored
from runtime.database import Connection
from tests.support.builders import T0, Environment
from tests.support.explained import explaining

_NAMES = re.compile(r"\b(collection|id|recipient_id|user_id|tenant_id)\b")
_PEOPLE = [
    InlineRecipient(
        RecipientRef.user(name),
        properties={"n": 1},
        channel_data={str(uuid4()): {"tokens": []}},
        preferences={"default": {}},
    )
    for name in ("Zoe", "adam")
]
Work = Callable[[Connection, UUID], Awaitable[Any]]


async def _sort_keys(url: str, environment_id: UUID, work: Work) -> list[str]:
    """Return what rows are sorted by that are written then."""
    plans: list[str] = []
    connection = await psycopg.AsyncConnection.connect(
        url, row_factory=dict_row, cursor_factory=explaining(plans)
    )
    async with connection:
        await work(connection, environment_id)
        await connection.rollback()
    written = [plan for plan in plans if "Insert on" in plan]
    return re.findall(r"Sort Key: (.+)", "\n".join(written))


@pytest.mark.parametrize(
    "work",
    [
        lambda connection, environment: upsert_recipients(connection, environment, _PEOPLE, T0),
        lambda connection, environment: subscribe_stored(
            connection,
            environment,
            RecipientRef("topics", "t"),
            [person.ref for person in _PEOPLE],
            properties=None,
            now=T0,
        ),
        lambda connection, environment: add_members(
            connection, environment, "a", [Membership("Zoe", ""), Membership("adam", "")], T0
        ),
    ],
)
async def test_rows_are_written_in_the_order_of_columns(
    database_url: str, environment: Environment, work: Work
) -> None:
    """Every name that rows are sorted by before they are written is compared byte by byte."""
    keys = await _sort_keys(database_url, environment.id, work)
    assert keys
    names = [part for key in keys for part in key.split(", ") if _NAMES.search(part)]
    assert [part for part in names if not part.endswith('COLLATE "C"')] == []
