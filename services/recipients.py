"""Stores, reads and deletes users and tenants.

Source: Knock docs, "Users", "Tenants", "Deleting users".
"""

from __future__ import annotations

from typing import Any

from domain.clock import utc_now
from domain.errors import NotFound
from domain.json_types import JsonObject
from domain.pages import Page, PageRequest
from domain.principals import EnvironmentScope
from domain.recipients import parse_properties
from domain.refs import RecipientRef
from models.queries import recipient_lists
from models.queries.recipients import get_recipient, upsert_recipients
from runtime.database import one
from runtime.platform import Platform


async def load_recipient(
    platform: Platform, environment: EnvironmentScope, ref: RecipientRef
) -> dict[str, Any]:
    """Return a recipient's row. Raises NotFound."""
    async with platform.database.connection() as connection:
        row = await get_recipient(connection, environment.id, ref)
    if row is None:
        raise NotFound("The resource you requested does not exist.")
    return row


async def store_recipient(
    platform: Platform, environment: EnvironmentScope, ref: RecipientRef, body: JsonObject
) -> dict[str, Any]:
    """Merge what a request says into a recipient, made when it is new, and return its row.

    Raises:
        InvalidParams: the body is malformed, or all properties together would pass 256 kB.
    """
    given = parse_properties(ref, body, "")
    async with platform.database.transaction() as connection:
        await upsert_recipients(connection, environment.id, [given], utc_now())
        return one(await get_recipient(connection, environment.id, ref))


async def list_recipients(
    platform: Platform,
    environment: EnvironmentScope,
    collection: str,
    request: PageRequest,
    *,
    recipient_id: str | None = None,
    name: str | None = None,
    newest_first: bool = True,
) -> Page:
    """Return a page of a collection in the order of insertion, turned around by default."""
    async with platform.database.connection() as connection:
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
    platform: Platform, environment: EnvironmentScope, ref: RecipientRef
) -> None:
    """Delete a recipient and all that belongs to it, at once. Raises NotFound.

    Its open runs find nothing to do and end by themselves.
    """
    async with platform.database.transaction() as connection:
        if not await recipient_lists.delete_recipient(connection, environment.id, ref):
            raise NotFound("The resource you requested does not exist.")
