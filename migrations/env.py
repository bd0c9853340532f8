"""Alembic's environment: runs migrations on the database of the settings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import Engine, create_engine, pool, text

from models.tables import metadata
from runtime.settings import get_settings

# Takes the lock of whoever migrates this database. Its number means nothing, and never changes:
# processes of two versions that migrate at once have to ask for the same.
_TAKE_LOCK = text("SELECT pg_try_advisory_lock(7267001)")


def _url() -> str:
    url = context.config.attributes.get("database_url") or get_settings().database_url
    return str(url).replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def _in_turn(engine: Engine) -> Iterator[None]:
    """Let processes that migrate at once take turns, for as long as the first one needs.

    The lock is asked for again and again: a statement that waits for it keeps a snapshot, and an
    index that is built concurrently waits for every snapshot.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(_TAKE_LOCK).scalar():
            time.sleep(0.2)  # noqa: TID251 - Alembic is synchronous
        # The lock ends with the connection.
        yield


def run_migrations() -> None:
    """Apply what is asked for, with a short lock timeout so that a deploy never blocks traffic."""
    patience = {"connect_timeout": 5}  # of a server that does not answer at all
    engine = create_engine(_url(), poolclass=pool.NullPool, connect_args=patience)
    with _in_turn(engine), engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            compare_server_default=True,
            # What a migration has locked is free again when the next one begins.
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run_migrations()
