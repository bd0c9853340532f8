"""A seeded account on a database of its own, because environments form one chain per database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

import psycopg
from temporalio.client import Client

from commands.seed.keys import SeedKeys, make_keys
from commands.seed.seed import seed
from domain.account.environments import Environment as StoredEnvironment
from domain.content.kind import KindOfContent
from domain.content.rows import CommitNote
from domain.content.workflow import WORKFLOW
from domain.kit.json_types import JsonValue
from domain.kit.principals import EnvironmentScope
from runtime.database import Database
from runtime.settings import Settings
from runtime.vault import Vault
from services.account.environments import find_environment, get_scope
from services.composition import compose_engine
from services.content.drafts import ContentView
from services.engine import Engine
from tests.support.builders import T0, Builder, Environment
from tests.support.content import AUTHOR, note, save_content
from tests.support.steps import email_step, feed_step, workflow
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World

__all__ = [
    "AUTHOR",
    "SINK",
    "T0",
    "VAULT_KEY",
    "Account",
    "Seeded",
    "email_step",
    "feed_step",
    "make_engine",
    "note",
    "workflow",
]
VAULT_KEY = "k" * 16
SINK = "smtp://127.0.0.1:2525"


@dataclass
class Account:
    """An engine on a seeded database, whose environments form one chain.

    `world` looks at one of them as a test of runs does.
    """

    engine: Engine
    keys: SeedKeys
    now: datetime = T0

    @property
    def make(self) -> Builder:
        """Return what reads and writes rows of this database."""
        return Builder(self.engine.database)

    def tick(self) -> datetime:
        """Return the time, and remember it as `now`."""
        self.now = self.engine.clock()
        return self.now

    async def environment(self, slug: str = "development") -> StoredEnvironment:
        """Return an environment as it is stored."""
        async with self.engine.connection() as connection:
            return await find_environment(connection, slug)

    async def world(self, slug: str = "development") -> World:
        """Return one of the environments, to publish, trigger and walk in."""
        keys = self.keys.environments[slug]
        seen = Environment(await self.scope(slug), keys.secret_key, keys.public_key)
        return World(self.engine, self.make, seen)

    async def scope(self, slug: str = "development") -> EnvironmentScope:
        """Return an environment as use cases take it."""
        return await get_scope(self.engine, slug)

    async def save(
        self,
        key: str,
        document: JsonValue,
        *,
        commit: CommitNote | None = None,
        slug: str = "development",
        force: bool = False,
        kind: KindOfContent[Any] = WORKFLOW,
    ) -> ContentView[Any]:
        """Save a workflow or other content, perhaps commit it; `now` is then when that was."""
        engine = replace(self.engine, clock=self.tick)
        return await save_content(engine, slug, kind, key, document, commit=commit, force=force)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a query."""
        return await self.make.rows(statement, *values)


def make_engine(url: str, temporal: TemporalRecorder) -> Engine:
    """Compose an engine on a database, with Temporal replaced at its edge."""
    settings = Settings(database_url=url, rate_limits=False, smtp_url=SINK, starts_ahead=0)
    database = Database(url, size=5)
    return compose_engine(settings, database, cast(Client, temporal), Vault([VAULT_KEY]))


@dataclass(frozen=True)
class Seeded:
    """A seeded database, with a snapshot of all its rows in a schema beside the tables."""

    url: str
    keys: SeedKeys
    tables: Mapping[str, str]

    @classmethod
    def on(cls, url: str) -> Seeded:
        """Seed an empty database and keep a copy of every row."""
        keys = make_keys()

        async def run() -> None:
            engine = make_engine(url, TemporalRecorder())
            await engine.database.open()
            await seed(engine, keys, clock=lambda: T0)
            await engine.database.close()

        asyncio.run(run())
        with psycopg.connect(url) as connection:
            rows: list[tuple[str, str]] = connection.execute(
                "SELECT table_name, string_agg(column_name, ', ') FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
                " AND is_generated = 'NEVER' GROUP BY table_name"
            ).fetchall()
        seeded = cls(url, keys, dict(rows))
        seeded.keep()
        return seeded

    def keep(self) -> None:
        """Take what every table has now for what it is brought back to."""
        with psycopg.connect(self.url) as connection:
            connection.execute("DROP SCHEMA IF EXISTS snapshot CASCADE")
            connection.execute("CREATE SCHEMA snapshot")
            for name in self.tables:
                connection.execute(f"CREATE TABLE snapshot.{name} AS TABLE {name}")

    def restoring(self) -> list[str]:
        """Return the statements that bring every table back."""
        return [
            "SET session_replication_role = replica",
            *(
                statement
                for name, columns in self.tables.items()
                for statement in (
                    f"DELETE FROM {name}",
                    f"INSERT INTO {name} ({columns}) SELECT {columns} FROM snapshot.{name}",
                )
            ),
        ]

    def restore(self) -> None:
        """Bring every table back to what the seed made; faster than a new database."""
        with psycopg.connect(self.url) as connection:
            for statement in self.restoring():
                connection.execute(statement)
