"""What vendors are asked and tell of messages, and what feeds leave out, is found by an index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from commands.embedded.postgres import EmbeddedPostgres
from domain.deliveries.checks import CheckedMessage
from domain.deliveries.claims import AttemptRecord, Claim
from domain.messages.filters import FeedFilters
from domain.recipients.refs import RecipientRef
from models.queries.deliveries import checks, deliveries, reports
from models.queries.in_app import feeds
from runtime.database import Connection
from tests.support.builders import T0
from tests.support.crowd import plans_of
from tests.support.explained import explaining
from tests.support.postgres import new_database

CHANNEL = UUID("018f0000-0000-7000-8000-000000000007")
MESSAGE = UUID("00000000-0000-4000-8000-000000000007")
Query = Callable[[Connection, UUID], Awaitable[Any]]

_FILL = """
INSERT INTO environments (id, slug, name, position, inserted_at, updated_at)
VALUES (%(environment)s, 'crowded', 'Crowded', 1, now(), now());
INSERT INTO messages (id, environment_id, channel_id, channel_type, workflow_key, version_id,
    step_ref, collection, recipient_id, actors, data, content, delivery_status, provider_metadata,
    known_as, retry_count, inserted_at, updated_at)
SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, %(environment)s,
       %(channel)s, 'email', 'flow', %(channel)s, 'mail', '$users', 'user-' || n, '[]', '{}', '{}',
       'sent', '{}', CASE WHEN n %% 2 = 0 THEN 'e-' || n END, 0, now(), now()
FROM generate_series(1, 20000) AS n;
INSERT INTO status_checks (message_id, environment_id, retry, checks, due_at, inserted_at)
SELECT id, environment_id, 0, 0, now() + interval '1 hour', now() FROM messages;
INSERT INTO deliveries (message_id, environment_id, channel_id, channel_type, due_at, retry,
    attempts, interruptions, inserted_at, collection, recipient_id)
SELECT md5('d' || n)::uuid, %(environment)s, %(channel)s, 'in_app_feed', now() + interval '1 hour',
       0, 0, 0, now(), '$users', 'user-' || n %% 2000
FROM generate_series(1, 20000) AS n;
ANALYZE
"""


@pytest.fixture(scope="module")
def crowded(postgres: EmbeddedPostgres) -> tuple[str, UUID]:
    """Make a database with one environment in which many messages are asked for."""
    url, environment = new_database(postgres), uuid4()
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        for statement in _FILL.split(";"):
            connection.execute(statement, {"environment": environment, "channel": CHANNEL})
    return url, environment


def _named(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return reports.messages_known_as(connection, environment, CHANNEL, ["e-8", "e-unknown"])


def _overdue(connection: Connection, environment: UUID) -> Awaitable[Any]:
    now = datetime.now(T0.tzinfo)
    return checks.take_overdue(connection, now=now, grace=180.0, limit=200)


def _due(connection: Connection, environment: UUID) -> Awaitable[Any]:
    now = datetime.now(T0.tzinfo) + timedelta(hours=2)
    message = CheckedMessage(MESSAGE, environment, 0)
    return checks.begin_check(connection, message, now=now, lease=60.0)


def _startable(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return checks.startable_check(connection, CheckedMessage(MESSAGE, environment, 0))


def _badge(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return feeds.count_items(
        connection, environment, CHANNEL, RecipientRef.user("user-7"), FeedFilters()
    )


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (_named, "ix_messages_known_as"),
        (_overdue, "ix_status_checks_due_at"),
        (_due, "pk_status_checks"),
        (_startable, "pk_status_checks"),
        (_badge, "ix_deliveries_held_items"),
    ],
)
async def test_rows_are_found_by_an_index(
    crowded: tuple[str, UUID], query: Query, index: str
) -> None:
    """None of the tables is read whole."""
    url, environment = crowded
    plans: list[str] = []
    connection = await psycopg.AsyncConnection.connect(
        url, row_factory=dict_row, cursor_factory=explaining(plans)
    )
    async with connection:
        await query(connection, environment)
        await connection.rollback()
    assert any(index in plan for plan in plans), plans
    for plan in plans:
        assert "Seq Scan on messages" not in plan, plan
        assert "Seq Scan on status_checks" not in plan, plan
        assert "Seq Scan on deliveries" not in plan, plan


async def test_held_items_are_looked_for_once(crowded: tuple[str, UUID]) -> None:
    """However many items a feed has; those are still read from the index of feeds alone."""
    plan = "\n".join(await plans_of(crowded, _badge))
    assert "hashed SubPlan" in plan
    assert "Index Only Scan using ix_messages_recipient_feed" in plan


async def test_a_schema_of_before_takes_that_a_message_was_sent(crowded: tuple[str, UUID]) -> None:
    """What it lacks is named where it is set alone: without the record it is sent again."""
    url, environment = crowded
    record = AttemptRecord(
        claim=Claim(MESSAGE, environment, 0, owner=uuid4()),
        attempt=1,
        status="sent",
        accepted=True,
        after=None,
        metadata={},
        events=[],
        exchange=None,
        log_id=uuid4(),
        now=T0,
    )
    connection = await psycopg.AsyncConnection.connect(url, row_factory=dict_row)
    async with connection:
        await connection.execute("ALTER TABLE messages DROP COLUMN known_as")
        await connection.execute("DROP TABLE status_checks")
        assert await deliveries.record_attempt(connection, record) == "sent"
        await connection.rollback()
