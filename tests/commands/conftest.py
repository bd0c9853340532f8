"""Tests of this folder work on a seeded account."""

from __future__ import annotations

from tests.support.account import account, seeded

__all__ = ["account", "seeded"]
