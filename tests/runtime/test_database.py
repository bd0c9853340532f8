"""The pool when PostgreSQL is killed, frozen, slow, read-only or full."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from commands.dev.probes import wait_until
from commands.embedded.postgres import EmbeddedPostgres, prepare_postgres
from commands.processes import Child, ChildSpec
from domain.kit.errors import QueryTooSlow, Unavailable
from runtime import database as database_module
from runtime.database import Database, take_long
from tests.support.postgres import home_in
from tests.support.waiting import until

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


async def _ask(database: Database, statement: str) -> int:
    async with database.connection() as connection:
        return (await connection.execute(statement)).rowcount


async def _ask_all(database: Database, statement: str) -> list[int]:
    return await asyncio.gather(*(_ask(database, statement) for _ in range(CONNECTIONS)))


async def test_dead_connections_are_not_lent(
    child: Child, server: EmbeddedPostgres, database: Database
) -> None:
    """After PostgreSQL was killed and is back no request meets a connection of before."""
    killed = child.pid
    child.send(signal.SIGKILL)

    async def is_another() -> bool:
        return child.pid != killed

    await until(is_another)
    await wait_until(partial(asyncio.to_thread, server.is_ready), child)
    for _ in range(3):
        assert await _ask_all(database, "SELECT 1") == [1] * CONNECTIONS


async def test_statement_under_way_is_unavailable(child: Child, database: Database) -> None:
    """Who is in the middle of a transaction when PostgreSQL dies is told to try again."""

    async def hold() -> None:
        async with database.transaction() as connection:
            await connection.execute("SELECT pg_sleep(60)")
            await connection.execute("SELECT 1")

    async def is_held() -> int:
        return await _ask(database, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")

    holding = asyncio.create_task(hold())
    await until(is_held)
    child.send(signal.SIGKILL)
    with pytest.raises(Unavailable):
        await holding


async def test_frozen_server_is_unavailable(
    child: Child, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that answers nothing is given up after a while, also by who had a connection."""
    monkeypatch.setattr(database_module, "_ANSWER_SECONDS", 0.3)
    async with database.connection() as connection:
        result = await connection.execute("SELECT pg_backend_pid() AS pid")
        [row] = await result.fetchall()
        os.kill(row["pid"], signal.SIGSTOP)
        try:
            with pytest.raises(psycopg.OperationalError):
                await connection.execute("SELECT 1")
        finally:
            os.kill(row["pid"], signal.SIGCONT)
    await _ask_all(database, "SELECT 1")


async def test_slow_query_is_told_apart_from_an_outage(database: Database) -> None:
    """A statement that runs out of time names the remedy, and SDKs do not repeat it."""
    with pytest.raises(QueryTooSlow, match="ask for less") as failure:
        await _ask(database, "SET statement_timeout = 20; SELECT pg_sleep(30)")
    assert failure.value.headers() == {"x-should-retry": "false"}


async def test_what_may_take_long(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction that says so is waited for, by the server and by this side; the next is not."""
    monkeypatch.setattr(database_module, "_ANSWER_SECONDS", 0.3)
    async with database.connection() as connection:
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 20")
            await take_long(connection)
            await connection.execute("SELECT pg_sleep(0.6)")
        with pytest.raises(psycopg.OperationalError):
            await connection.execute("SELECT pg_sleep(30)")


async def test_what_only_reads_may_think_between_its_statements(database: Database) -> None:
    """A transaction that holds nothing up is not ended for its silence; others are after that."""
    asked = "SHOW idle_in_transaction_session_timeout"
    async with database.reading() as connection:
        cursor = await connection.execute(asked)
        assert await cursor.fetchone() == {"idle_in_transaction_session_timeout": "5min"}
    async with database.transaction() as connection:
        await take_long(connection)
        cursor = await connection.execute(asked)
        assert await cursor.fetchone() == {"idle_in_transaction_session_timeout": "30s"}


async def test_deadlock_says_so(database: Database) -> None:
    """Of two transactions that lock in opposite order one is told why, and to try again."""
    met = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with database.transaction() as connection:
            await connection.execute("SET LOCAL deadlock_timeout = 20")
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [first])
            await met.wait()
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [second])

    outcomes = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    [failure] = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(failure, Unavailable)
    assert "blocked each other" in str(failure)


async def test_read_only_server_is_unavailable_and_not_ready(
    server: EmbeddedPostgres, database: Database
) -> None:
    """A database that takes no writes is an outage to who writes, and is found before a write."""
    await _ask(
        database, "CREATE ROLE reader LOGIN; ALTER ROLE reader SET default_transaction_read_only=on"
    )
    frozen = Database(server.url("postgres").replace("postgres@", "reader@", 1), size=1)
    await frozen.open()
    assert await frozen.trouble() == "read_only"
    with pytest.raises(Unavailable, match="accepts no writes"):
        await _ask(frozen, "CREATE TABLE notes (note text)")
    await frozen.close()
    assert await database.trouble() is None


async def test_value_beyond_a_limit_is_a_fault(database: Database) -> None:
    """A value that is too large for an index is never taken for an outage, to be tried again."""
    async with database.connection() as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS keys (key text PRIMARY KEY)")
    with pytest.raises(psycopg.errors.ProgramLimitExceeded):
        await _ask(
            database,
            "INSERT INTO keys SELECT string_agg(md5(n::text), '') FROM generate_series(1, 900) n",
        )
