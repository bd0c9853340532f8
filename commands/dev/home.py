"""The data folder of an embedded stack, and the lock that keeps a second stack out of it."""

from __future__ import annotations

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from commands.dev.client import dev_file
from commands.embedded.errors import EmbeddedError
from commands.files import write_atomically

_OURS = ("postgres", "postgres.new", "mail", "logs", "run", "temporal.db", "temporal.db-shm",
         "temporal.db-wal", "keys.json", "secret.key", "dev.json")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Home:
    """Where the parts of one stack keep what they keep."""

    root: Path

    @property
    def postgres(self) -> Path:
        """Return the folder of the PostgreSQL cluster."""
        return self.root / "postgres"

    @property
    def temporal_database(self) -> Path:
        """Return the file of the Temporal dev server."""
        return self.root / "temporal.db"

    @property
    def mail(self) -> Path:
        """Return the folder that the SMTP sink fills."""
        return self.root / "mail"

    @property
    def keys(self) -> Path:
        """Return the file of API keys."""
        return self.root / "keys.json"

    @property
    def seeded(self) -> Path:
        """Return the file in which the seed says what it made."""
        return self.root / "run" / "seeded.json"

    def log(self, name: str) -> Path:
        """Return the log file of a part."""
        return self.root / "logs" / f"{name}.log"

    def ready_file(self, name: str) -> Path:
        """Return the file by which a part says that it is ready."""
        return self.root / "run" / f"{name}.ready"

    def secret_key(self) -> str:
        """Return the key that encrypts credentials at rest, made once."""
        path = self.root / "secret.key"
        if not path.exists():
            write_atomically(path, secrets.token_urlsafe(32).encode())
        return path.read_text().strip()


@contextmanager
def open_home(folder: Path) -> Iterator[Home]:
    """Make the data folder usable and keep every other stack out of it.

    Raises:
        EmbeddedError: it cannot be used, or another stack uses it.
    """
    root = folder.expanduser().absolute()
    home = Home(root)
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for sub in (home.mail, home.log("x").parent, home.seeded.parent):
            sub.mkdir(mode=0o700, exist_ok=True)
        lock = (root / "lock").open("ab")
    except OSError as error:
        raise EmbeddedError(
            f"The data folder {root} cannot be used ({error.strerror}). "
            "Set CARILLON_HOME to a folder that you can write to."
        ) from error
    with lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EmbeddedError(
                f"A running stack uses {root}. Stop it, or set CARILLON_HOME to another folder."
            ) from error
        try:
            yield home
        finally:
            dev_file(root).unlink(missing_ok=True)


def is_in_use(folder: Path) -> bool:
    """Tell whether a stack has the data folder, ready or not."""
    try:
        with (folder.expanduser().absolute() / "lock").open("rb") as lock:
            fcntl.flock(lock.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # nobody has made it, or it belongs to somebody else
        return False
    return False


def wipe_home(folder: Path) -> None:
    """Remove what a stack keeps in a data folder, and the folder when nothing else is in it.

    Raises:
        EmbeddedError: a stack uses it.
    """
    root = folder.expanduser().absolute()
    if not root.is_dir():
        return
    with open_home(root):
        for name in _OURS:
            path = root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    (root / "lock").unlink(missing_ok=True)
    if not any(root.iterdir()):
        root.rmdir()
