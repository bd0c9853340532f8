"""Lists of users, of tenants, and of the objects of a collection."""

from __future__ import annotations

from uuid import UUID

from domain.kit.pages import Page, PageRequest
from domain.recipients.recipients import Recipient, TenantFilters
from domain.recipients.refs import TENANTS
from models.sql import Listing, Where
from runtime.database import Connection

_NEWEST_FIRST = Listing(Recipient, "recipients r", "r", ("inserted_at", "id"))
_OLDEST_FIRST = Listing(Recipient, "recipients r", "r", ("inserted_at", "id"), descending=False)


async def list_collection(
    connection: Connection,
    environment_id: UUID,
    collection: str,
    request: PageRequest,
    *,
    newest_first: bool = True,
) -> Page[Recipient]:
    """Return a page of a collection such as `$users`, in the order in which they were stored."""
    where = Where()
    where.add("r.environment_id = %s AND r.collection = %s", environment_id, collection)
    listing = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
    return await listing.page(connection, where, request)


async def list_tenants(
    connection: Connection, environment_id: UUID, wanted: TenantFilters, request: PageRequest
) -> Page[Recipient]:
    """Return a page of tenants, newest first."""
    where = Where()
    where.add("r.environment_id = %s AND r.collection = %s", environment_id, TENANTS)
    where.add_given("r.id = %s", wanted.tenant_id)
    if wanted.name is not None:
        # The collection is named for the planner: there is an index that holds tenants only.
        where.add(
            f"r.collection = '{TENANTS}'"
            ' AND "left"(r.properties ->> \'name\', 200) = "left"(%s, 200)'
            " AND r.properties ->> 'name' = %s",
            *(wanted.name, wanted.name),
        )
    return await _NEWEST_FIRST.page(connection, where, request)
