"""A real PostgreSQL for a test session: one cluster, one migrated template, databases from it."""

from __future__ import annotations

import stat
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql

from commands.embedded.postgres import EmbeddedPostgres, prepare_postgres

ROOT = Path(__file__).resolve().parents[2]
_TEMPLATE = "template_migrated"


@contextmanager
def running_cluster() -> Iterator[EmbeddedPostgres]:
    """Run a cluster in a folder of its own until the block ends."""
    with tempfile.TemporaryDirectory(prefix="carillon-test-") as name:
        folder = Path(name)
        # Root's cluster runs under an account of its own, which has to get to its folder.
        folder.chmod(0o711)
        with _serving(folder) as server:
            migrate(server.ensure_database(_TEMPLATE))
            yield server


@contextmanager
def _serving(folder: Path) -> Iterator[EmbeddedPostgres]:
    with warnings.catch_warnings():
        # The wheel asks for the user's runtime folder on import, although we choose our own.
        warnings.simplefilter("ignore")
        server = prepare_postgres(folder / "postgres")
    # Data of a test need not survive a power cut.
    options = ["-cfsync=off", "-csynchronous_commit=off", "-cfull_page_writes=off"]
    with (folder / "postgres.log").open("wb") as log:
        process = subprocess.Popen(
            [*server.command, *options], user=server.account, stdout=log, stderr=log, cwd="/"
        )
        try:
            _wait_until_ready(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=20)
            server.remove_sockets()


def _wait_until_ready(server: EmbeddedPostgres, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not server.is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the test PostgreSQL did not start")


def migrate(url: str, revision: str = "head") -> None:
    """Bring a database to a migration, the newest unless another is named."""
    command.upgrade(_migrations_of(url), revision)


def migrate_back(url: str, revision: str) -> None:
    """Bring a database back to an earlier migration."""
    command.downgrade(_migrations_of(url), revision)


def _migrations_of(url: str) -> Config:
    config = Config(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["database_url"] = url
    return config


def new_database(server: EmbeddedPostgres) -> str:
    """Make a migrated, empty database and return its URL."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(_TEMPLATE)
    )
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement)
    return server.url(name)


def home_in(folder: Path) -> Path:
    """Return a data folder whose parents an account of PostgreSQL's own may pass."""
    for path in (folder, *folder.parents):
        if path.owner() == folder.owner():
            path.chmod(path.stat().st_mode | stat.S_IXOTH)
    return folder / "home"
