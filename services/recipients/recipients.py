"""Stores, reads and deletes users and tenants.

Source: Knock docs, "Users", "Tenants", "Deleting users".
"""

from __future__ import annotations

from typing import Any

from domain.kit.errors import NotFound
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.recipients import parse_properties
from domain.recipients.refs import RecipientRef
from models.queries.recipients import lists as recipient_lists
from models.queries.recipients.recipients import get_recipient, upsert_recipients
from runtime.database import one
from services.engine import Engine


async def load_recipient(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef
) -> dict[str, Any]:
    """Return a recipient's row. Raises NotFound."""
    async with engine.database.connection() as connection:
        row = await get_recipient(connection, environment.id, ref)
    if row is None:
        raise NotFound("The resource you requested does not exist.")
    return row


async def store_recipient(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef, body: JsonObject
) -> dict[str, Any]:
    """Merge what a request says into a recipient, made when it is new, and return its row.

    Raises:
        InvalidParams: the body is malformed, or all properties together would pass 256 kB.
    """
    given = parse_properties(ref, body, "")
    async with engine.database.transaction() as connection:
        await upsert_recipients(connection, environment.id, [given], engine.clock())
        return one(await get_recipient(connection, environment.id, ref))


async def list_recipients(
    engine: Engine,
    environment: EnvironmentScope,
    collection: str,
    request: PageRequest,
    *,
    recipient_id: str | None = None,
    name: str | None = None,
    newest_first: bool = True,
) -> Page:
    """Return a page of a collection in the order of insertion, turned around by default."""
    async with engine.database.connection() as connection:
        return await recipient_lists.list_recipients(
            connection,
            environment.id,
            collection,
            request,
            recipient_id=recipient_id,
            name=name,
            newest_first=newest_first,
        )


async def delete_recipient(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef
) -> None:
    """Delete a recipient and all that belongs to it, at once. Raises NotFound.

    Its open runs find nothing to do and end by themselves.
    """
    async with engine.database.transaction() as connection:
        if not await recipient_lists.delete_recipient(connection, environment.id, ref):
            raise NotFound("The resource you requested does not exist.")
