"""Stores and reads users, objects and tenants.

Source: Knock docs, "Users", "Objects", "Tenants".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.kit.errors import NotFound
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.preferences.layers import merged
from domain.recipients.inline import InlineRecipient
from domain.recipients.recipients import ObjectFilters, Recipient, TenantFilters, UserFilters
from domain.recipients.refs import USERS, RecipientRef
from domain.recipients.shapes import RecipientIn
from models.queries.preferences.defaults import get_default_set
from models.queries.preferences.sets import preference_sets_of
from models.queries.recipients import lists
from models.queries.recipients.recipients import get_recipient
from runtime.database import Connection
from services.engine import Engine
from services.triggers.audience_entries import identify

_MISSING = "The resource you requested does not exist."


@dataclass(frozen=True, slots=True)
class RecipientView:
    """A recipient as lists show it; with its preference sets by id, when they were asked for."""

    recipient: Recipient
    preferences: JsonObject | None = None


async def load_recipient(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef
) -> Recipient:
    """Return a recipient. Raises NotFound."""
    async with engine.connection() as connection:
        recipient = await get_recipient(connection, environment.id, ref)
    if recipient is None:
        raise NotFound(_MISSING)
    return recipient


async def load_full_tenant(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef
) -> Recipient:
    """Return a tenant, with its preference set laid over the environment's. Raises NotFound."""
    tenant = await load_recipient(engine, environment, ref)
    async with engine.connection() as connection:
        defaults = await get_default_set(connection, environment.id)
    settings = tenant.settings or {}
    full = merged(defaults, settings.get("preference_set"))
    return replace(tenant, settings={**settings, "preference_set": full or None})


async def store_recipient(
    engine: Engine, environment: EnvironmentScope, ref: RecipientRef, given: RecipientIn
) -> Recipient:
    """Merge what a request says into a recipient, made when it is new, and return it.

    Raises:
        InvalidParams: all properties together would have more than 256 kB.
    """
    said = InlineRecipient.of(ref, given)
    async with engine.unit() as unit:
        await identify(unit, environment, [said])
        stored = await get_recipient(unit.connection, environment.id, ref)
    if stored is None:  # deleted by somebody else between two statements
        raise NotFound(_MISSING)
    return stored


async def list_users(
    engine: Engine, environment: EnvironmentScope, wanted: UserFilters, request: PageRequest
) -> Page[RecipientView]:
    """Return a page of users, oldest first unless it is asked for otherwise."""
    async with engine.connection() as connection:
        page = await lists.list_collection(
            connection, environment.id, USERS, request, newest_first=wanted.order == "desc"
        )
        return await _shown(connection, environment, page, wanted.include)


async def list_objects(
    engine: Engine,
    environment: EnvironmentScope,
    collection: str,
    wanted: ObjectFilters,
    request: PageRequest,
) -> Page[RecipientView]:
    """Return a page of the objects of a collection, newest first."""
    async with engine.connection() as connection:
        page = await lists.list_collection(connection, environment.id, collection, request)
        return await _shown(connection, environment, page, wanted.include)


async def _shown(
    connection: Connection,
    environment: EnvironmentScope,
    page: Page[Recipient],
    include: list[str] | None,
) -> Page[RecipientView]:
    """Add to the recipients of a page what was asked for beside them."""
    if not include:
        return page.of(map(RecipientView, page.rows))
    sets = await preference_sets_of(connection, environment.id, [row.ref for row in page.rows])
    return page.of(RecipientView(row, sets.get(row.ref, {})) for row in page.rows)


async def list_tenants(
    engine: Engine, environment: EnvironmentScope, wanted: TenantFilters, request: PageRequest
) -> Page[Recipient]:
    """Return a page of tenants, newest first."""
    async with engine.connection() as connection:
        return await lists.list_tenants(connection, environment.id, wanted, request)
