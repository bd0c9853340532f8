"""What tests of statements share."""

from __future__ import annotations

from uuid import UUID

import pytest

from commands.embedded.postgres import EmbeddedPostgres
from tests.support.crowd import new_crowd


@pytest.fixture(scope="session")
def crowded(postgres: EmbeddedPostgres) -> tuple[str, UUID]:
    """Make a database with one environment that holds tens of thousands of everything."""
    return new_crowd(postgres)
