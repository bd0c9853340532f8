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
        "8a607536fb642f3912ec790805f064ec1fb7c7f29993f87fdd39cb0bf5624d69"
    ),
    "2026-11-26-1100_waits_for_changes.py": (
        "6324a08c076fffec354c37de455d75d14160253710cbf526de40a7431305d95d"
    ),
}


def test_landed_migrations_stay_as_they_are() -> None:
    """Each file is listed here, by its content."""
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.py")}
    assert files == LANDED
