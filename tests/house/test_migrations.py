"""A migration that has landed is never changed: databases that have run it do not run it again."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "migrations" / "versions"
# A new migration gets a line here when it lands. What it forgot belongs into the next one.
LANDED = {
    "2026-11-22-1229_first_tables.py": (
        "d47e7a64993558f4d7c53afc844c9c10f3818eccad0a8a4b86d04f9f9ca6023a"
    ),
    "2026-11-26-0810_whole_engine.py": (
        "7562792e5ca5c6479f7d730c2a1b65d4803b9602ae2791db4f1b404902443783"
    ),
}


def test_landed_migrations_stay_as_they_are() -> None:
    """Each file is listed here, by its content."""
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.py")}
    assert files == LANDED
