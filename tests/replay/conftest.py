"""Stored rows are walked on a world whose Temporal is replaced at its edge."""

from __future__ import annotations

from tests.support.world_fixture import world

__all__ = ["world"]
