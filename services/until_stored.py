"""Keeps what somebody outside has answered until the database takes it.

The answer is there, and to ask again would be to send again; so whoever has it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import psycopg

from domain.kit.errors import AppError, Unavailable
from runtime.database import Connection
from runtime.faults import fault_of
from runtime.logs import get_logger
from services.engine import Engine

R = TypeVar("R")
T = TypeVar("T")
_log = get_logger(__name__)


async def until_stored(
    engine: Engine,
    record: R,
    store: Callable[[Connection, R], Awaitable[T]],
    *,
    without_words: Callable[[R], R | None],
    waits: Iterable[float],
    **about: str,
) -> T:
    """Store a record, however long the database is away, read-only or full.

    Args:
        engine: the parts of this process.
        record: what came of an attempt.
        store: writes it.
        without_words: leaves out what was answered, which the database does not take; None when
            nothing of it is in the record.
        waits: seconds between the tries.
        about: names what it is about in logs.

    Returns:
        What `store` returned.

    Raises:
        Unavailable: the last of the tries failed as well.
    """
    left = iter(waits)
    is_told = False
    while True:
        try:
            async with engine.connection() as connection:
                return await store(connection, record)
        except psycopg.DataError as error:
            shorter = without_words(record)
            if shorter is None:
                raise
            _log.error("exchange_not_stored", **about, **fault_of(error).fields())
            record = shorter
        except (AppError, psycopg.Error) as error:
            if not is_told:
                is_told = True
                _log.error("outcome_waits", **about, **fault_of(error).fields())
            wait = next(left, None)
            if wait is None:
                raise Unavailable("The database cannot be written to; try again.") from error
            await asyncio.sleep(wait)


def each_second(seconds: float) -> Iterable[float]:
    """Yield waits of a second until so much time has passed."""
    now = asyncio.get_running_loop().time
    deadline = now() + seconds
    while now() <= deadline:
        yield 1.0
