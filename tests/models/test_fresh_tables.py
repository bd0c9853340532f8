"""A database that PostgreSQL has not looked at yet, minutes old, finds rows by the right index."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from commands.embedded.postgres import EmbeddedPostgres
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from domain.triggers.addressees import ADDRESSED, Addressee
from domain.triggers.expansions import Expansion
from models.queries.preferences.sets import preference_sets_of
from models.queries.recipients.channel_data import channel_data_of
from models.queries.recipients.recipients import (
    existing_recipients,
    hold_to_change,
    recipients_by_ref,
    upsert_recipients,
)
from models.queries.recipients.subscriptions import hold_recipients, subscribe_stored
from models.queries.schedules.schedules import zones_of
from models.queries.triggers.addressees import add_runs
from models.queries.waits.changes import stored_of
from runtime.database import Connection
from tests.support.builders import T0
from tests.support.explained import explaining
from tests.support.postgres import new_database

_TOPIC = RecipientRef("topics", "t")
_CHANNEL = UUID(int=1)
Work = Callable[[Connection, UUID, list[RecipientRef]], Awaitable[Any]]


async def _add_runs(connection: Connection, environment_id: UUID, refs: list[RecipientRef]) -> None:
    """Let a broadcast make the runs of users."""
    broadcast = Expansion(
        workflow_run_id=UUID(int=2),
        environment_id=environment_id,
        branch_id=None,
        workflow_key="news",
        version_id=UUID(int=3),
        tenant_id=None,
        actor_collection=None,
        actor_id=None,
        source={},
        settings={},
        depth=ADDRESSED,
        after_collection="",
        after_id="",
        cancellation_ids=[],
    )
    await add_runs(connection, broadcast, [Addressee(ref.id, "") for ref in refs], T0)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A connection to a database that is minutes old, and how it finds its rows."""

    connection: Connection
    environment_id: UUID
    plans: list[str] = field(default_factory=list)

    async def add_users(self, count: int) -> list[RecipientRef]:
        """Store users, a hundred at once, and return the last hundred of them."""
        refs: list[RecipientRef] = []
        for second in range(count // 100):
            refs = [RecipientRef.user(f"user-{second}-{number}") for number in range(100)]
            people = [InlineRecipient(ref, {"name": ref.id}) for ref in refs]
            now = T0 + timedelta(seconds=second)
            await upsert_recipients(self.connection, self.environment_id, people, now)
        return refs


@pytest.fixture
async def fresh(postgres: EmbeddedPostgres) -> AsyncIterator[Fresh]:
    """Make a database of its own."""
    plans: list[str] = []
    connection = await psycopg.AsyncConnection.connect(
        new_database(postgres),
        autocommit=True,
        row_factory=dict_row,
        cursor_factory=explaining(plans),
    )
    async with connection:
        environment_id = uuid4()
        await connection.execute(
            "INSERT INTO environments (id, slug, name, position, config_version, inserted_at,"
            " updated_at) VALUES (%s, 'fresh', 'Fresh', 1, 1, now(), now())",
            [environment_id],
        )
        yield Fresh(connection, environment_id, plans)


async def test_people_are_looked_up_by_their_key(fresh: Fresh) -> None:
    """The index of their list, which a look-up by key passes through as a whole, is left alone."""
    await fresh.add_users(2_000)
    assert "Index Scan using pk_recipients" in fresh.plans[-1]
    assert "ix_recipients_environment_id_collection_inserted_at_id" not in fresh.plans[-1]


@pytest.mark.parametrize(
    ("table", "work"),
    [
        ("recipients", recipients_by_ref),
        ("recipients", existing_recipients),
        ("recipients", hold_to_change),
        ("recipients", hold_recipients),
        ("recipients", zones_of),
        ("recipients", stored_of),
        ("preference_sets", preference_sets_of),
        (
            "channel_data",
            lambda connection, environment, refs: channel_data_of(
                connection, environment, refs, _CHANNEL
            ),
        ),
        (
            "recipients",
            lambda connection, environment, refs: subscribe_stored(
                connection, environment, _TOPIC, refs, properties=None, now=T0
            ),
        ),
        ("recipients", _add_runs),
    ],
)
async def test_some_of_an_environment_are_found_without_reading_all(
    fresh: Fresh, table: str, work: Work
) -> None:
    """Each is looked up by its key, also by a plan that was made while there was nobody."""
    fresh.plans.clear()
    await work(fresh.connection, fresh.environment_id, [RecipientRef.user("nobody")])
    await work(fresh.connection, fresh.environment_id, await fresh.add_users(300))
    for plan in (fresh.plans[0], fresh.plans[-1]):
        (conditions,) = re.findall(rf" on {table} .*\n +Index Cond: (.+)", plan)
        assert re.search(r"\b(id|recipient_id) = (given|taken)\.", conditions), plan
