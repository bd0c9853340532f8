"""What is stored of work that nobody waits for."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.kit.json_types import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedEffect:
    """What a committed transaction owes to Temporal; `environment` is a slug."""

    id: UUID
    environment_id: UUID
    environment: str
    kind: str
    payload: JsonObject
    attempts: int
