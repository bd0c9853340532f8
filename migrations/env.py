"""Alembic's environment: runs migrations on the database of the settings."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool, text

from models.tables import metadata
from runtime.settings import get_settings


def _url() -> str:
    url = context.config.attributes.get("database_url") or get_settings().database_url
    return str(url).replace("postgresql://", "postgresql+psycopg://", 1)


def run_migrations() -> None:
    """Apply what is asked for, with a short lock timeout so that a deploy never blocks traffic."""
    engine = create_engine(_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            # Two processes that migrate at once take turns.
            connection.execute(text("SELECT pg_advisory_xact_lock(7267001)"))
            context.run_migrations()
    engine.dispose()


run_migrations()
