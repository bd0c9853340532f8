"""What a use case is given that only reads: less than an engine, and opened sooner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from domain.kit.clock import Clock, utc_now
from runtime.database import Connection, Database
from runtime.settings import Settings


class Reads(Protocol):
    """Lends connections and tells the time; an engine does, and a `Reader`."""

    @property
    def clock(self) -> Clock:
        """Return what tells the time."""
        ...

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection outside any transaction, for single statements and for reading.

        Raises:
            Unavailable: PostgreSQL cannot be reached, takes no writes, or is too busy.
            QueryTooSlow: a statement ran out of time.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reader:
    """The parts of a command that only reads: it imports neither Temporal nor providers."""

    database: Database
    clock: Clock

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection; see `Reads`."""
        return self.database.connection()


@asynccontextmanager
async def open_reader(settings: Settings) -> AsyncIterator[Reader]:
    """Open the parts for a command that reads, and ends by itself.

    Raises:
        Unavailable: the database cannot be reached.
    """
    database = Database(settings.database_url, size=1)
    await database.require()
    await database.open()
    try:
        yield Reader(database, utc_now)
    finally:
        await database.close()
