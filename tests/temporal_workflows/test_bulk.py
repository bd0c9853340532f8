"""Bulk operations on a real Temporal server: to their end, whoever dies meanwhile."""

from __future__ import annotations

from uuid import UUID, uuid4

from temporalio.api.enums.v1 import EventType

from domain.contract.jobs import BulkOperationInput
from domain.kit.ids import bulk_operation_workflow_id
from domain.recipients.refs import RecipientRef
from services.bulk.accept import BulkView, get_operation
from services.bulk.departures import delete_recipient
from services.bulk.recovery import recover_bulk_operations
from temporal_workflows import BulkOperationWorkflow
from tests.support.builders import Builder, Environment
from tests.support.bulk import counts, put_off
from tests.support.interruptions import FailingTemporal
from tests.support.programs import Program
from tests.support.scenarios import Handle, start, until_event
from tests.support.stage import Stage
from tests.support.steps import channel_step, delay_step
from tests.support.temporal_server import SPARE, client_of
from tests.support.waiting import soon, until_blocked
from tests.support.world import World

# A dead worker is missed by its heartbeat, after twenty seconds.
_LONGEST = 60.0


async def _accept(world: World, count: int) -> UUID:
    users = [{"id": f"user-{number:04}"} for number in range(count)]
    return await put_off(world.engine, world.environment, users)


async def _seen(world: World, operation_id: UUID) -> BulkView:
    return await get_operation(world.engine, world.environment.scope, operation_id)


async def _until(world: World, operation_id: UUID, status: str) -> BulkView:
    async def look() -> BulkView | None:
        view = await _seen(world, operation_id)
        return view if view.operation.status == status else None

    return await soon(look, f"it never was {status}", seconds=_LONGEST)


def _handle(world: World, operation_id: UUID) -> Handle:
    slug = world.environment.scope.slug
    workflow_id = bulk_operation_workflow_id(slug, str(operation_id))
    return world.engine.temporal.get_workflow_handle(workflow_id)


async def _stand_still(world: World, operation_id: UUID) -> None:
    """Let the last move of an operation have been long ago."""
    await world.make.rows(
        "UPDATE bulk_operations SET updated_at = now() - interval '1 hour' WHERE id = %s"
        " RETURNING 1",
        operation_id,
    )


async def test_turns_follow_each_other(stage: Stage) -> None:
    """An operation is worked on turn after turn until one finds it over."""
    stage.script.turns = 3
    order = BulkOperationInput(str(uuid4()), stage.environment_id)
    await stage.execute(BulkOperationWorkflow.run, order)
    assert stage.script.turns == 0


async def test_an_operation_is_worked_through(product: World) -> None:
    """The product's workers do what was accepted, and the operation's Temporal workflow ends."""
    operation_id = await _accept(product, 250)
    view = await _until(product, operation_id, "completed")
    assert counts(view) == ("completed", 250, 250, 0)
    await _handle(product, operation_id).result()


async def test_a_killed_worker_loses_and_doubles_nothing(
    world: World, make: Builder, temporal_address: str, environment: Environment
) -> None:
    """A worker that is killed in a chunk leaves it undone; the next goes on where it stood."""
    client = await client_of(temporal_address, SPARE)
    spare = world.with_parts(temporal=client)
    variables = {
        "CARILLON_DATABASE_URL": world.engine.settings.database_url,
        "CARILLON_TEMPORAL_ADDRESS": temporal_address,
        "CARILLON_TEMPORAL_NAMESPACE": SPARE,
        "CARILLON_SECRET_KEY": "k" * 16,
    }
    arguments = ("-m", "commands.cli", "worker", "--queues", "runs,bulk")
    await make.user(environment, "user-0550")
    first = Program(*arguments, **variables)
    try:
        async with make.database.transaction() as connection:
            # A slow machine takes longer than the server lets a transaction rest.
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            # The second chunk waits for somebody whom another request holds.
            await connection.execute(
                "SELECT FROM recipients WHERE environment_id = %s AND id = 'user-0550' FOR UPDATE",
                [environment.id],
            )
            users = [{"id": f"user-{number:04}", "name": "N"} for number in range(600)]
            operation_id = await put_off(spare.engine, environment, users)
            view = await _until(spare, operation_id, "processing")
            assert counts(view) == ("processing", 500, 500, 0)
            await until_blocked(make)
            first.close()
        assert counts(await _seen(spare, operation_id))[1:] == (500, 500, 0)
    finally:
        first.close()
    second = Program(*arguments, **variables)
    try:
        view = await _until(spare, operation_id, "completed")
    finally:
        second.close()
    assert counts(view) == ("completed", 600, 600, 0)
    (stored,) = await make.rows(
        "SELECT count(*) AS n FROM recipients WHERE environment_id = %s", environment.id
    )
    assert stored["n"] == 600


async def test_what_temporal_did_not_hear_of_is_begun(product: World) -> None:
    """An operation whose start was lost altogether is begun by the sweep."""
    away = product.with_parts(temporal=FailingTemporal())
    operation_id = await _accept(away, 3)
    await product.make.rows(
        "DELETE FROM owed_effects WHERE environment_id = %s RETURNING 1", product.environment.id
    )
    await _stand_still(product, operation_id)
    await recover_bulk_operations(product.engine)
    assert counts(await _until(product, operation_id, "completed"))[1:] == (3, 3, 0)


async def test_an_operation_that_was_ended_has_failed(world: World, temporal_address: str) -> None:
    """Who terminates one in Temporal sees that it failed, and nothing is left of its items."""
    spare = world.with_parts(temporal=await client_of(temporal_address, SPARE))
    operation_id = await _accept(spare, 3)
    await recover_bulk_operations(spare.engine)
    await _stand_still(spare, operation_id)
    assert (await _seen(spare, operation_id)).operation.status == "queued"
    await _handle(spare, operation_id).terminate()
    await recover_bulk_operations(spare.engine)
    view = await _seen(spare, operation_id)
    assert counts(view) == ("failed", 0, 0, 0)
    assert view.operation.failed_at is not None
    items = "SELECT 1 FROM bulk_items WHERE operation_id = %s"
    assert await spare.make.rows(items, operation_id) == []


async def test_runs_of_a_deleted_user_end(product: World) -> None:
    """What waited for a user ends in Temporal as soon as the user is deleted."""
    handle = await start(product, channel_step("first"), delay_step(seconds=3600))
    await until_event(handle, EventType.EVENT_TYPE_TIMER_STARTED)
    ellie = RecipientRef.user("ellie")
    await delete_recipient(product.engine, product.environment.scope, ellie)
    assert await handle.result() in {"cancelled", "missing"}
    assert await product.runs() == []


async def test_a_large_deletion_is_ended_by_temporal(product: World) -> None:
    """What a request cannot delete in its moment goes on after it, to the end."""
    await product.make.user(product.environment, "ellie")
    await product.make.rows(
        "INSERT INTO messages (id, environment_id, channel_id, channel_type, workflow_key,"
        " version_id, step_ref, collection, recipient_id, actors, data, content,"
        " delivery_status, provider_metadata, retry_count, inserted_at, updated_at)"
        " SELECT gen_random_uuid(), %s, gen_random_uuid(), 'in_app_feed', 'k',"
        " gen_random_uuid(), 's', '$users', 'ellie', '[]', '{}', '{}', 'delivered', '{}', 0,"
        " now(), now() FROM generate_series(1, 30000)",
        product.environment.id,
    )
    ellie = RecipientRef.user("ellie")
    await delete_recipient(product.engine, product.environment.scope, ellie)
    left = "SELECT 1 FROM messages WHERE environment_id = %s LIMIT 1"

    async def is_gone() -> bool:
        return not await product.make.rows(left, product.environment.id)

    await soon(is_gone, "some messages stayed", seconds=_LONGEST)
