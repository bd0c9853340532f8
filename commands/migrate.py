"""Bring a database to the newest schema, and what every environment has to what it is today."""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from domain.kit.clock import Clock, utc_now
from domain.kit.errors import Unavailable
from runtime.database import Database, unreachable
from runtime.settings import Settings
from services.content.prebuilt import keep_prebuilt

_MIGRATIONS = Path(__file__).parents[1] / "migrations"


def migrate(settings: Settings, *, clock: Clock = utc_now) -> None:
    """Run every migration that the database has not seen, then give environments what they lack.

    It works from any folder.

    Raises:
        Unavailable: the database cannot be reached, or somebody has locked a table for long. What
            was done is kept; another attempt goes on there.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = settings.database_url
    try:
        command.upgrade(config, "head")
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise Unavailable(
                "A table stayed locked too long; run `carillon migrate` again."
            ) from error
        raise unreachable(error.orig or error) from error
    asyncio.run(_keep_prebuilt(settings, clock))


async def _keep_prebuilt(settings: Settings, clock: Clock) -> None:
    database = Database(settings.database_url, size=1)
    await database.open()
    try:
        async with database.transaction() as connection:
            await keep_prebuilt(connection, clock())
    finally:
        await database.close()
