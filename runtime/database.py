"""The connection pool of a process, and transactions on it."""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.errors import Unavailable

Connection: TypeAlias = AsyncConnection[DictRow]

# A statement that takes longer than this is a fault; it fails, and what called it tries again.
_STATEMENT_TIMEOUT_MS = 10_000
_LOCK_TIMEOUT_MS = 8_000
# The pool doubles its pause between attempts to connect; starting over this often keeps a process
# from sleeping on after a long outage has ended.
_RECONNECT_SECONDS = 4.0


class Database:
    """A pool of connections; every unit of work is one transaction."""

    def __init__(self, url: str, *, size: int = 20) -> None:
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=min(2, size),
            max_size=size,
            open=False,
            timeout=5.0,
            max_idle=300.0,
            reconnect_timeout=_RECONNECT_SECONDS,
            check=self._refuse_dead,
            kwargs={
                "row_factory": dict_row,
                "autocommit": True,
                "application_name": "carillon",
                "connect_timeout": 5,
                "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MS}"
                f" -c lock_timeout={_LOCK_TIMEOUT_MS} -c timezone=UTC"
                " -c idle_in_transaction_session_timeout=30000",
            },
        )
        self._clearing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the pool; does not wait for PostgreSQL, so that a process may start before it."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close(timeout=5.0)

    async def _refuse_dead(self, connection: Connection) -> None:
        """Keep a connection from being lent whose server has died, at no cost to a living one.

        Raises:
            OperationalError: it is dead; the pool lends another one.
        """
        if not _has_news(connection):
            return
        try:
            await self._pool.check_connection(connection)
        except OperationalError:
            self._clear_dead()
            raise

    def _clear_dead(self) -> None:
        """Replace all dead connections at once: a server that died took every one with it."""
        if self._clearing is None or self._clearing.done():
            self._clearing = asyncio.create_task(self._pool.check())

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection outside any transaction, for single statements.

        Raises:
            Unavailable: PostgreSQL cannot be reached.
        """
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (OperationalError, PoolTimeout) as error:
            raise Unavailable("The database is away; try again.") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside one transaction that ends with the block.

        Raises:
            Unavailable: PostgreSQL cannot be reached, or went away in the middle.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def is_ready(self) -> bool:
        """Tell whether PostgreSQL answers."""
        try:
            async with self.connection() as connection:
                await connection.execute("SELECT 1")
        except Unavailable:
            return False
        return True


def _has_news(connection: Connection) -> bool:
    """Tell whether there is something to read: on an idle connection mostly that it was ended."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def one(row: DictRow | None) -> dict[str, Any]:
    """Return a row that the statement cannot have left out."""
    if row is None:
        raise LookupError("the statement returned no row")
    return row
