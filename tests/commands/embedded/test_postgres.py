"""A cluster that cannot be made says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.embedded import postgres
from commands.embedded.errors import EmbeddedError

# What initdb writes on a disk without space: the reason, then how it tidies up.
INITDB = """#!/bin/sh
cat >&2 <<'END'
creating configuration files ... ok
running bootstrap script ...
FATAL:  could not write to file "pg_wal/xlogtemp.7": No space left on device
child process exited with exit code 1
initdb: removing contents of data directory
END
exit 1
"""


def test_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When PostgreSQL cannot make its files, people read the reason, not the last line."""
    program = tmp_path / "initdb"
    program.write_text(INITDB)
    program.chmod(0o755)
    monkeypatch.setattr(postgres, "_binaries", lambda: tmp_path)
    monkeypatch.setattr(postgres, "_service_account", lambda: None)
    with pytest.raises(EmbeddedError, match="No space left on device"):
        postgres.prepare_postgres(tmp_path / "postgres")
