"""Bring a database to the newest schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from domain.kit.errors import Unavailable
from runtime.database import unreachable
from runtime.settings import Settings

_MIGRATIONS = Path(__file__).parents[1] / "migrations"


def migrate(settings: Settings) -> None:
    """Run every migration that the database has not seen; works from any folder.

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
                "A table is in use for long; run `carillon migrate` again."
            ) from error
        raise unreachable(error.orig or error) from error
