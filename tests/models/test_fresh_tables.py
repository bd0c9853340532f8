"""A database that PostgreSQL has not looked at yet, minutes old, finds rows by the right index."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import psycopg
from psycopg.rows import dict_row

from commands.embedded.postgres import EmbeddedPostgres
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from models.queries.recipients.recipients import upsert_recipients
from tests.support.builders import T0
from tests.support.explained import explaining
from tests.support.postgres import new_database


async def test_people_are_looked_up_by_their_key(postgres: EmbeddedPostgres) -> None:
    """The index of their list, which a look-up by key passes through as a whole, is left alone."""
    environment, plans = uuid4(), list[str]()
    connection = await psycopg.AsyncConnection.connect(
        new_database(postgres),
        autocommit=True,
        row_factory=dict_row,
        cursor_factory=explaining(plans),
    )
    async with connection:
        await connection.execute(
            "INSERT INTO environments (id, slug, name, position, config_version, inserted_at,"
            " updated_at) VALUES (%s, 'fresh', 'Fresh', 1, 1, now(), now())",
            [environment],
        )
        for second in range(20):
            people = [_person(f"user-{second}-{number}") for number in range(100)]
            now = T0 + timedelta(seconds=second)
            await upsert_recipients(connection, environment, people, now)
    assert "Index Scan using pk_recipients" in plans[-1]
    assert "ix_recipients_environment_id_collection_inserted_at_id" not in plans[-1]


def _person(user_id: str) -> InlineRecipient:
    return InlineRecipient(RecipientRef.user(user_id), {"name": user_id})
