"""Environments: where content lives, in the order of promotion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.principals import EnvironmentScope


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment; content is promoted from lower to higher positions.

    Attributes:
        last_commit_at: the instant of its newest commit.
    """

    id: UUID
    slug: str
    name: str
    position: int
    inserted_at: datetime
    updated_at: datetime
    last_commit_at: datetime | None

    @property
    def scope(self) -> EnvironmentScope:
        """Return it as what a use case works in."""
        return EnvironmentScope(self.id, self.slug)
