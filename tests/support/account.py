"""A seeded account on a database of its own, because environments form one chain per database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
import pytest
from temporalio.client import Client

from commands.embedded.postgres import EmbeddedPostgres
from commands.seed.keys import SeedKeys, make_keys
from commands.seed.seed import seed
from domain.kit.json_types import JsonObject
from models.queries.account.environments import EnvironmentRow
from runtime.crypto import Vault
from runtime.database import Database
from runtime.settings import Settings
from services.account.environments import find_environment
from services.composition import compose_engine
from services.content.drafts import Author, CommitNote
from services.content.workflows import SaveOptions, WorkflowView, upsert_workflow
from services.engine import Engine
from tests.support.postgres import new_database
from tests.support.temporal_recorder import TemporalRecorder

AUTHOR = Author("Ellie", "ellie@example.com")
T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SINK = "smtp://127.0.0.1:2525"
_FEED_STEP: JsonObject = {
    "type": "channel",
    "ref": "feed_1",
    "channel_type": "in_app_feed",
    "channel_key": "in-app",
    "template": {"markdown_body": "Hello"},
}


def workflow(name: str = "Plain", **changes: Any) -> JsonObject:
    """Return a small valid workflow document."""
    return {"name": name, "steps": [_FEED_STEP], **changes}


def feed_step(**changes: Any) -> JsonObject:
    """Return a valid in-app step."""
    return {**_FEED_STEP, **changes}


def email_step(**changes: Any) -> JsonObject:
    """Return a valid e-mail step without a layout."""
    template = {"subject": "Hi", "html_body": "<p>Hi</p>", "settings": {"layout_key": None}}
    step = {"type": "channel", "ref": "email_1", "channel_type": "email", "channel_key": "smtp"}
    return {**step, "template": template, **changes}


def note(message: str | None = None, *, allow_empty: bool = False) -> CommitNote:
    """Return what a commit of a test says."""
    return CommitNote(AUTHOR, message, allow_empty)


@dataclass
class Account:
    """A engine on a seeded database; `now` moves on by a second with every write."""

    engine: Engine
    keys: SeedKeys
    now: datetime = T0

    def tick(self) -> datetime:
        """Return the next instant."""
        self.now += timedelta(seconds=1)
        return self.now

    async def environment(self, slug: str = "development") -> EnvironmentRow:
        """Return an environment."""
        async with self.engine.database.transaction() as connection:
            return await find_environment(connection, slug)

    async def save(
        self,
        key: str,
        document: JsonObject,
        *,
        commit: CommitNote | None = None,
        slug: str = "development",
        force: bool = False,
    ) -> WorkflowView:
        """Save a workflow in a transaction of its own, perhaps commit it."""
        async with self.engine.database.transaction() as connection:
            environment = await find_environment(connection, slug)
            options = SaveOptions(commit, force)
            return await upsert_workflow(
                connection, environment, key, document, options=options, now=self.tick()
            )

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a query."""
        async with self.engine.database.connection() as connection:
            cursor = await connection.execute(statement, list(values))
            return await cursor.fetchall() if cursor.description else []


def make_engine(url: str, temporal: TemporalRecorder) -> Engine:
    """Compose a engine on a database, with Temporal replaced at its edge."""
    settings = Settings(database_url=url, rate_limits=False, smtp_url=SINK)
    database = Database(url, size=5)
    return compose_engine(settings, database, cast(Client, temporal), Vault(["k" * 16]))


@dataclass(frozen=True)
class Seeded:
    """A seeded database, with a snapshot of all its rows in a schema beside the tables."""

    url: str
    keys: SeedKeys
    tables: Mapping[str, str]

    def restore(self) -> None:
        """Bring every table back to what the seed made; faster than a new database."""
        with psycopg.connect(self.url) as connection:
            connection.execute("SET session_replication_role = replica")
            for name, columns in self.tables.items():
                connection.execute(f"DELETE FROM {name}")
                connection.execute(
                    f"INSERT INTO {name} ({columns}) SELECT {columns} FROM snapshot.{name}"
                )


@pytest.fixture(scope="session")
def seeded(postgres: EmbeddedPostgres) -> Seeded:
    """Seed one database for the accounts of all tests."""
    url, keys = new_database(postgres), make_keys()

    async def run() -> None:
        engine = make_engine(url, TemporalRecorder())
        await engine.database.open()
        await seed(engine, keys, clock=lambda: T0)
        await engine.database.close()

    asyncio.run(run())
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT table_name, string_agg(column_name, ', ') FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
            " AND is_generated = 'NEVER' GROUP BY table_name"
        ).fetchall()
        tables = dict(rows)
        connection.execute("CREATE SCHEMA snapshot")
        for name in tables:
            connection.execute(f"CREATE TABLE snapshot.{name} AS TABLE {name}")
    return Seeded(url, keys, tables)


@pytest.fixture
async def account(seeded: Seeded, temporal: TemporalRecorder) -> AsyncIterator[Account]:
    """Return the account as it is after the seed."""
    seeded.restore()
    engine = make_engine(seeded.url, temporal)
    await engine.database.open()
    yield Account(engine, seeded.keys)
    await engine.database.close()
