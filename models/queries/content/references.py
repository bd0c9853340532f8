"""SQL over what content refers to, wherever that is: in an environment, or on a branch of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.kit.json_types import JsonObject
from models.queries.content.drafts import DRAFT
from models.sql import fetch_all
from runtime.database import Connection


async def list_keys(
    connection: Connection,
    wanted: Sequence[tuple[UUID, str, str]],
    *,
    published: bool,
) -> dict[tuple[str, str], bool]:
    """Return which resources, by type and key, exist, and of each whether it is archived.

    Args:
        connection: for reading.
        wanted: of each where it is, its type and its key.
        published: leave mere drafts out.
    """
    cursor = await connection.execute(
        """
        SELECT resource_type, key, archived_at IS NOT NULL AS is_archived FROM content_resources
        WHERE (environment_id, resource_type, key) IN (
              SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[]))
          AND (archived_at IS NOT NULL OR published_version_id IS NOT NULL OR NOT %s)
        """,
        [*map(list, zip(*wanted, strict=True)), published],
    )
    return {
        (row["resource_type"], row["key"]): row["is_archived"] for row in await cursor.fetchall()
    }


@dataclass(frozen=True, slots=True)
class FoundElsewhere:
    """A published piece of content of another environment."""

    environment: str
    resource_type: str
    key: str
    content: JsonObject


async def list_elsewhere(
    connection: Connection, environment_id: UUID, wanted: Sequence[tuple[str, str]]
) -> list[FoundElsewhere]:
    """Return what other environments have published under types and keys, in their order."""
    return await fetch_all(
        connection,
        FoundElsewhere,
        """
        SELECT e.slug AS environment, r.resource_type, r.key, v.content
        FROM environments e
        JOIN content_resources r ON r.environment_id = e.id AND r.archived_at IS NULL
        JOIN content_versions v ON v.id = r.published_version_id
        WHERE e.id <> %s AND e.removed_at IS NULL
          AND (r.resource_type, r.key) IN (SELECT * FROM unnest(%s::text[], %s::text[]))
        ORDER BY e.position
        """,
        [environment_id, *map(list, zip(*wanted, strict=True))],
    )


async def documents_by_key(
    connection: Connection,
    wanted: Sequence[tuple[UUID, str, str]],
    *,
    published: bool,
) -> dict[tuple[str, str], JsonObject]:
    """Return the documents of resources that are not archived, by type and key.

    Args:
        connection: for reading.
        wanted: of each where it is, its type and its key.
        published: what is committed, rather than what is being edited.
    """
    cursor = await connection.execute(
        f"""
        SELECT r.resource_type, r.key, CASE WHEN %s THEN v.content ELSE {DRAFT} END AS document
        FROM content_resources r LEFT JOIN content_versions v ON v.id = r.published_version_id
        WHERE (r.environment_id, r.resource_type, r.key) IN (
              SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[]))
          AND r.archived_at IS NULL
        """,  # noqa: S608 - a constant
        [published, *map(list, zip(*wanted, strict=True))],
    )
    return {
        (row["resource_type"], row["key"]): row["document"]
        for row in await cursor.fetchall()
        if row["document"] is not None
    }
