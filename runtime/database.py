"""The connection pool of a process, and transactions on it."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeAlias, TypeVar

from psycopg import AsyncConnection, Error, OperationalError, errors, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.kit.errors import AppError, QueryTooSlow, Unavailable
from domain.kit.json_types import decoded

Connection: TypeAlias = AsyncConnection[DictRow]
R = TypeVar("R")

# A statement that takes longer than this is a fault; it fails, and what called it tries again.
_STATEMENT_TIMEOUT_MS = 10_000
_LOCK_TIMEOUT_MS = 8_000
# The server ends what takes too long. A server that does not even do that, and answers nothing for
# this long, is given up: frozen, or behind a network that drops packets.
_ANSWER_SECONDS = 15.0
# The same for the few statements that write or delete a million rows at once.
_LONG_STATEMENT = "5min"
_LONG_ANSWER_SECONDS = 305.0
# How long a transaction that only reads may think between its statements; it is in nobody's way.
_LONG_THOUGHT = "5min"
_TCP = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# After so much silence a connection that only listens asks whether anybody is there.
_SILENCE_SECONDS = 5.0
# The pool doubles its pause between attempts to connect; starting over this often keeps a process
# from sleeping on after a long outage has ended.
_RECONNECT_SECONDS = 4.0

_NOT_MIGRATED = "The database does not have this version's tables: run `carillon migrate`."
# What callers are told of an error of the server: the first kind that fits counts. Any other error
# is a fault of ours.
_TOLD: tuple[tuple[type[Error], type[AppError], str], ...] = (
    (errors.QueryCanceled, QueryTooSlow, "The query takes too long; ask for less at a time."),
    (errors.DeadlockDetected, Unavailable, "Two requests blocked each other; try again."),
    (errors.LockNotAvailable, Unavailable, "Another request is changing the same data; try again."),
    (
        errors.ReadOnlySqlTransaction,
        Unavailable,
        "The database accepts no writes at the moment; try again.",
    ),
    (errors.DiskFull, Unavailable, "The disk of the database is full; try again later."),
    (errors.UndefinedTable, Unavailable, _NOT_MIGRATED),
    (errors.UndefinedColumn, Unavailable, _NOT_MIGRATED),
    (PoolTimeout, Unavailable, "No database connection became available; try again."),
    (
        errors.IdleInTransactionSessionTimeout,
        Unavailable,
        "The database is unavailable; try again.",
    ),
    (OperationalError, Unavailable, "The database is unavailable; try again."),
)
# More than fits into the memory that it is allowed, so the server writes it to its disk.
_WRITE_A_LITTLE = """
SELECT current_setting('transaction_read_only') = 'on' AS read_only,
       (SELECT count(*) FROM generate_series(1, 8000))
"""


class _BoundedConnection(AsyncConnection[DictRow]):
    """Ends itself when an answer takes too long, so that nobody waits for a frozen server.

    Cancelling the wait would not do: psycopg then asks the server to cancel, and waits for that.
    """

    takes_long = False

    async def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Wait for one answer of the server, as psycopg does for every statement.

        Raises:
            OperationalError: it did not come in time; the connection is closed.
        """
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            self.takes_long = False  # that was for the transaction before
        seconds = _LONG_ANSWER_SECONDS if self.takes_long else _ANSWER_SECONDS
        alarm = asyncio.get_running_loop().call_later(seconds, self._hang_up)
        try:
            return await super().wait(gen, *arguments, **options)
        finally:
            alarm.cancel()

    def _hang_up(self) -> None:
        with suppress(OSError), socket.socket(fileno=os.dup(self.fileno())) as side:
            side.shutdown(socket.SHUT_RDWR)


async def _configure(connection: Connection) -> None:
    set_json_loads(decoded, connection)  # a page of a list has a hundred documents


class Database:
    """A pool of connections; every unit of work is one transaction."""

    def __init__(self, url: str, *, size: int = 20) -> None:
        self._url = url
        self._options: dict[str, Any] = {
            "row_factory": dict_row,
            "autocommit": True,
            "application_name": "carillon",
            "connect_timeout": 5,
            "options": f"-c statement_timeout={_STATEMENT_TIMEOUT_MS}"
            f" -c lock_timeout={_LOCK_TIMEOUT_MS} -c timezone=UTC"
            " -c idle_in_transaction_session_timeout=30000",
            **_TCP,
        }
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=_BoundedConnection,
            min_size=min(2, size),
            max_size=size,
            open=False,
            timeout=5.0,
            max_idle=300.0,
            reconnect_timeout=_RECONNECT_SECONDS,
            configure=_configure,
            check=self._refuse_dead,
            kwargs=self._options,
        )
        self._clearing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start the pool; does not wait for PostgreSQL, so that a process may start before it."""
        await self._pool.open(wait=False)

    async def require(self) -> None:
        """Connect once, apart from the pool, for whoever would rather fail at once than wait.

        Raises:
            Unavailable: with the reason, and what to do.
        """
        try:
            connection = await _BoundedConnection.connect(self._url, **self._options)
        except OperationalError as error:
            raise unreachable(error) from error
        await connection.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close(timeout=5.0)

    async def _refuse_dead(self, connection: Connection) -> None:
        """Keep a connection from being lent whose server has died, at no cost to a living one.

        Raises:
            OperationalError: it is dead; the pool lends another one.
        """
        # Something to read on an idle connection is mostly the news that the server ended it.
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        if not poll.poll(0):
            return
        try:
            await self._pool.check_connection(connection)
        except OperationalError:
            # A server that died took every connection with it, so all are replaced at once.
            if self._clearing is None or self._clearing.done():
                self._clearing = asyncio.create_task(self._pool.check())
            raise

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection outside any transaction, for single statements.

        Raises:
            Unavailable: PostgreSQL cannot be reached, takes no writes, or is too busy.
            QueryTooSlow: a statement ran out of time.
        """
        try:
            async with self._pool.connection() as connection:
                yield connection
        except errors.ProgramLimitExceeded:
            # A value too large for an index, say. Psycopg counts it as operational, but it is a
            # fault of ours, and will not go away.
            raise
        except Error as error:
            for kind, told, words in _TOLD:
                if isinstance(error, kind):
                    raise told(words) from error
            raise

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside one transaction that ends with the block.

        Raises:
            Unavailable: PostgreSQL cannot be reached, takes no writes, is too busy, or went away
                in the middle.
            QueryTooSlow: a statement ran out of time.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def listen(self, channel: str) -> AsyncGenerator[str | None, None]:
        """Yield what is told on a channel of PostgreSQL, on a connection apart from the pool.

        Args:
            channel: its name.

        Yields:
            None as soon as it listens, then each text.

        Raises:
            Unavailable: PostgreSQL cannot be reached, or went away.
        """
        try:
            connection = await _BoundedConnection.connect(self._url, **self._options)
            async with connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                yield None
                while True:
                    async for told in connection.notifies(timeout=_SILENCE_SECONDS):
                        yield told.payload
                    await connection.execute("SELECT")  # a server that is gone says nothing
        except Error as error:
            raise Unavailable("The database is unavailable; try again.") from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction that sees one state, and may change nothing.

        The server refuses every change. Nothing waits for the transaction, so that it may take
        minutes over what it has read.

        Raises:
            Unavailable: see `transaction`.
            QueryTooSlow: a statement ran out of time.
            RuntimeError: the block would have changed something, which is a fault of ours.
        """
        async with self.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            thought = f"SET LOCAL idle_in_transaction_session_timeout = '{_LONG_THOUGHT}'"
            await connection.execute(thought)
            try:
                yield connection
            except errors.ReadOnlySqlTransaction as error:
                # Elsewhere it means that the server takes no writes; here nobody may ask for one.
                raise RuntimeError("what must only read would have written") from error

    async def trouble(self) -> str | None:
        """Return what keeps PostgreSQL from serving: `away`, `read_only`, `full`; or None.

        A full disk shows in writing only, so this writes some 100 kB to a temporary file of the
        server, which leaves neither rows nor log behind.
        """
        try:
            async with self.transaction() as connection:
                await connection.execute("SET LOCAL work_mem = '64kB'")
                result = await connection.execute(_WRITE_A_LITTLE)
                return "read_only" if one(await result.fetchone())["read_only"] else None
        except Unavailable as error:
            return "full" if isinstance(error.__cause__, errors.DiskFull) else "away"


def unreachable(error: Exception) -> Unavailable:
    """Say in one line to an operator why the database cannot be reached, and what to do."""
    reason = str(error).strip().partition("\n")[0].removeprefix("connection failed: ").rstrip(".")
    return Unavailable(
        f"The database cannot be reached: {reason}. Start it, or set CARILLON_DATABASE_URL to where"
        " it is."
    )


async def take_long(connection: Connection) -> None:
    """Let the statements of a transaction take minutes, as the few that touch a million rows."""
    await connection.execute(f"SET LOCAL statement_timeout = '{_LONG_STATEMENT}'")
    if isinstance(connection, _BoundedConnection):
        connection.takes_long = True


async def give_way(connection: Connection) -> None:
    """Let the rest of a transaction wait for nobody for long.

    For one that holds a run, and stores people: who deletes them holds them, and waits for their
    runs. It gives up before PostgreSQL looks for deadlocks, after a second, and ends either.
    """
    await connection.execute("SET LOCAL lock_timeout = '500ms'")


def one(row: R | None) -> R:
    """Return a row that the statement cannot have left out."""
    if row is None:
        raise LookupError("the statement returned no row")
    return row
