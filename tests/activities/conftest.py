"""Activities run on an engine whose Temporal is replaced at its edge."""

from __future__ import annotations

from tests.support.engine_fixture import engine

__all__ = ["engine"]
