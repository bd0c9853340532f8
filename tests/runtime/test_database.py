"""The pool when PostgreSQL is killed under it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from domain.errors import Unavailable
from runtime.database import Database
from runtime.dev.probes import wait_until
from runtime.embedded.postgres import EmbeddedPostgres, prepare_postgres
from runtime.processes import Child, ChildSpec
from tests.runtime.test_stack import home_in

CONNECTIONS = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedPostgres:
    """Prepare a cluster that these tests may kill."""
    folder = home_in(tmp_path_factory.mktemp("database"))
    folder.mkdir()
    return prepare_postgres(folder / "postgres")


@pytest.fixture
async def child(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Child]:
    """Run the server under a supervisor that starts it again."""
    child = Child(
        ChildSpec(
            name="postgres",
            command=tuple(server.command),
            environment={},
            log=tmp_path / "postgres.log",
            account=server.account,
            stop_signal=signal.SIGINT,
        ),
        say=lambda line: None,
    )
    await child.start()
    await wait_until(partial(asyncio.to_thread, server.is_ready), child)
    yield child
    await child.stop()


@pytest.fixture
async def database(child: Child, server: EmbeddedPostgres) -> AsyncIterator[Database]:
    """Open a pool, and every connection that it may have."""
    database = Database(server.url("postgres"), size=CONNECTIONS)
    await database.open()
    await _ask_all(database, "SELECT pg_sleep(0.2)")
    yield database
    await database.close()


async def _ask(database: Database, statement: str) -> None:
    async with database.connection() as connection:
        await connection.execute(statement)


async def _ask_all(database: Database, statement: str) -> None:
    await asyncio.gather(*(_ask(database, statement) for _ in range(CONNECTIONS)))


async def test_dead_connections_are_not_lent(
    child: Child, server: EmbeddedPostgres, database: Database
) -> None:
    """After PostgreSQL was killed and is back no request meets a connection of before."""
    child.send(signal.SIGKILL)
    await asyncio.sleep(0.05)
    await wait_until(partial(asyncio.to_thread, server.is_ready), child)
    for _ in range(3):
        await _ask_all(database, "SELECT 1")


async def test_statement_under_way_is_unavailable(child: Child, database: Database) -> None:
    """Who is in the middle of a transaction when PostgreSQL dies is told to try again."""

    async def hold() -> None:
        async with database.transaction() as connection:
            await connection.execute("SELECT pg_sleep(0.3)")
            await connection.execute("SELECT 1")

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0.1)
    child.send(signal.SIGKILL)
    with pytest.raises(Unavailable):
        await holding
