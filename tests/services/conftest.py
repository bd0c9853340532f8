"""Two set-ups: a seeded account, and a world whose Temporal is replaced at its edge."""

from __future__ import annotations

from tests.support.account import account, seeded
from tests.support.world_fixture import world

__all__ = ["account", "seeded", "world"]
