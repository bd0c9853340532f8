"""What operators do with open batches: look, close one early, take an item out."""

from __future__ import annotations

from uuid import UUID

from domain.batches.gathered import Contribution
from domain.batches.rows import BatchFilters, OpenBatch
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from models.queries.batches import membership, operating
from models.queries.batches.items import page_of_items
from services.batches.gathering import contributions_of
from services.batches.windows import close_early
from services.engine import Engine
from services.named import require_named


async def list_open_batches(
    engine: Engine, environment: EnvironmentScope, wanted: BatchFilters, request: PageRequest
) -> Page[OpenBatch]:
    """Return a page of open batches, those first that close first.

    Raises:
        NotFound: there is nothing of the name of what is wanted.
    """
    async with engine.connection() as connection:
        page = await operating.list_open_batches(connection, environment.id, wanted, request)
        if not page.rows:
            await require_named(
                connection,
                environment.id,
                workflow=wanted.workflow_key,
                recipient=wanted.recipient,
            )
        return page


async def get_batch(engine: Engine, environment: EnvironmentScope, batch_id: UUID) -> OpenBatch:
    """Return a batch, open or not. Raises NotFound."""
    async with engine.connection() as connection:
        found = await operating.get_batch(connection, environment.id, batch_id)
    if found is None:
        raise NotFound("The batch does not exist.")
    return found


async def list_items(
    engine: Engine, environment: EnvironmentScope, batch_id: UUID, request: PageRequest
) -> Page[tuple[UUID, Contribution]]:
    """Return a page of the items of a batch with the runs that brought them, oldest first.

    Raises NotFound.
    """
    await get_batch(engine, environment, batch_id)
    async with engine.connection() as connection:
        page = await page_of_items(connection, environment.id, batch_id, request)
        found = await contributions_of(connection, environment.id, page.rows)
    pairs = zip(page.rows, found, strict=True)
    return page.of((item.recipient_run_id, contribution) for item, contribution in pairs)


async def close_batch(engine: Engine, environment: EnvironmentScope, batch_id: UUID) -> OpenBatch:
    """Close a batch now: its carrier goes on with what is in it. Closed twice is closed once.

    Raises NotFound.
    """
    await get_batch(engine, environment, batch_id)
    await close_early(engine, environment.id, batch_id)
    return await get_batch(engine, environment, batch_id)


async def drop_item(
    engine: Engine, environment: EnvironmentScope, batch_id: UUID, run_id: UUID
) -> None:
    """Take the item that a run has brought out of an open batch; its window stays as it is.

    Raises:
        NotFound: there is no such batch, or no such item in it.
        Unprocessable: `batch_closed`.
    """
    async with engine.unit() as unit:
        await operating.lock_run(unit.connection, environment.id, run_id)
        batch = await membership.lock_batch(unit.connection, environment.id, batch_id)
        if batch is None:
            raise NotFound("The batch does not exist.")
        if batch.closed_at is not None:
            raise Unprocessable("The batch has closed.", code="batch_closed")
        if not await operating.remove_item(
            unit.connection, environment.id, batch_id, run_id, unit.now
        ):
            raise NotFound("The batch has no item of this run.")
