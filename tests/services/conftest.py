"""Two set-ups: a seeded account, and an engine whose Temporal is replaced at its edge."""

from __future__ import annotations

from tests.support.account import account, seeded
from tests.support.engine_fixture import engine

__all__ = ["account", "engine", "seeded"]
