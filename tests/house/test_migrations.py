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
    "2026-11-26-1100_commits_of_a_resource.py": (
        "ab19a352aeb5ef43c6bd612db7dff5cbbde3bebae3ab4f40c1a1e047097ce570"
    ),
    "2026-11-26-1110_kinds.py": (
        "ae4e7e668727be73366cf9bfcd8f019e83c9cbb51483eeec777312c2353c1cb6"
    ),
    "2026-11-26-1120_message_values.py": (
        "694b37f4c43f022b19f5e6d0b3b24be8e8227cd3ec92785c8e3e8121a60cdfc1"
    ),
    "2026-11-26-1130_waits_for_changes.py": (
        "3a71654884b2ffdb0e52ba959806cf3e54f1e861e6b77015c41caf6ea507452e"
    ),
}


def test_landed_migrations_stay_as_they_are() -> None:
    """Each file is listed here, by its content."""
    files = {path.name: sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.py")}
    assert files == LANDED
