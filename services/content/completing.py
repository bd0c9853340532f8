"""Fills in what documents leave out and other content says, before they are judged."""

from __future__ import annotations

from typing import Any

from domain.content.kind import KindOfContent
from domain.content.kinds import home_of
from domain.kit.json_types import JsonValue
from domain.kit.principals import EnvironmentScope
from models.queries.content import references as queries
from runtime.database import Connection


async def completed(
    connection: Connection, environment: EnvironmentScope, kind: KindOfContent[Any], raw: JsonValue
) -> JsonValue:
    """Return a document with what its kind takes from content that is saved here."""
    wanted = sorted(kind.completed_by(raw)) if isinstance(raw, dict) else []
    if not wanted or not isinstance(raw, dict):
        return raw
    places = [(home_of(environment, target), target.value, key) for target, key in wanted]
    documents = await queries.documents_by_key(connection, places, published=False)
    return kind.complete(raw, documents)
