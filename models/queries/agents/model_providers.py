"""Statements over the settings of providers of language models."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from domain.agents.model_providers import ModelProvider
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_one
from runtime.database import Connection

_COLUMNS = columns_of(ModelProvider, "p")
_PROVIDERS = Listing(ModelProvider, "model_providers p", "p", ("name",), descending=False)


async def list_providers(
    connection: Connection, environment_id: UUID, request: PageRequest
) -> Page[ModelProvider]:
    """Return a page of the providers of an environment by name."""
    where = Where()
    where.add("p.environment_id = %s", environment_id)
    return await _PROVIDERS.page(connection, where, request)


async def get_provider(
    connection: Connection, environment_id: UUID, name: str, *, lock: bool = False
) -> ModelProvider | None:
    """Return one provider, or None."""
    return await fetch_one(
        connection,
        ModelProvider,
        f"SELECT {_COLUMNS} FROM model_providers p WHERE environment_id = %s AND name = %s"  # noqa: S608 - names of fields
        f" {'FOR NO KEY UPDATE' if lock else ''}",
        [environment_id, name],
    )


async def upsert_provider(connection: Connection, provider: ModelProvider) -> None:
    """Write a provider."""
    await connection.execute(
        """
        INSERT INTO model_providers (environment_id, name, adapter, base_url, sealed, inserted_at,
            updated_at)
        VALUES (%(environment_id)s, %(name)s, %(adapter)s, %(base_url)s, %(sealed)s,
            %(inserted_at)s, %(updated_at)s)
        ON CONFLICT (environment_id, name) DO UPDATE SET adapter = excluded.adapter,
            base_url = excluded.base_url, sealed = excluded.sealed,
            updated_at = excluded.updated_at
        """,
        asdict(provider),
    )


async def delete_provider(connection: Connection, environment_id: UUID, name: str) -> bool:
    """Delete a provider; tells whether there was one."""
    cursor = await connection.execute(
        "DELETE FROM model_providers WHERE environment_id = %s AND name = %s",
        [environment_id, name],
    )
    return cursor.rowcount > 0
