"""A database with a crowd in it, and how PostgreSQL finds rows among so many."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

from commands.embedded.postgres import EmbeddedPostgres
from domain.kit.pages import PageRequest
from domain.recipients.refs import RecipientRef
from runtime.database import Connection
from tests.support.explained import explaining
from tests.support.postgres import new_database

# Whom and what the crowd is asked about, as `crowd.sql` names them.
ELLIE = RecipientRef.user("user-7")
TOPIC = RecipientRef("topics", "topic-7")
CHANNEL = UUID("018f0000-0000-7000-8000-000000000007")
ENDPOINT = UUID(hashlib.md5(b"h7", usedforsecurity=False).hexdigest())
PAGE = PageRequest(50)
Query = Callable[[Connection, UUID], Awaitable[Any]]

_FILL = Path(__file__).with_name("crowd.sql").read_text()
_LARGE = ("messages", "recipient", "subscriptions", "webhook_deliveries", "schedules", "audience")


def new_crowd(postgres: EmbeddedPostgres) -> tuple[str, UUID]:
    """Make a database with one environment that holds tens of thousands of everything."""
    url, environment = new_database(postgres), uuid4()
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        for statement in _FILL.split(";"):
            connection.execute(statement, {"environment": environment})
    return url, environment


async def plans_of(crowded: tuple[str, UUID], query: Query) -> list[str]:
    """Run a query over the crowd, change nothing, and return the plans of its statements."""
    url, environment = crowded
    plans: list[str] = []
    connection = await psycopg.AsyncConnection.connect(
        url, row_factory=dict_row, cursor_factory=explaining(plans)
    )
    async with connection:
        await query(connection, environment)
        await connection.rollback()
    return plans


def read_whole(plan: str) -> set[str]:
    """Return those of the large tables, by the beginnings of their names, that are read whole."""
    return {name for name in _LARGE if re.search(rf"Seq Scan on {name}", plan)}
