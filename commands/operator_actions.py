"""`carillon admin` for what is under way: runs that wait, open batches, held channels, failures."""

from __future__ import annotations

from uuid import UUID

from api.admin.schemas.batches import BatchItemOut, BatchOut
from api.admin.schemas.channels import HeldChannelOut
from api.admin.schemas.messages import MovedOut
from api.admin.schemas.runs import WaitingRunOut
from commands.actions import Arguments, action
from commands.arguments import ENVIRONMENT, argument
from domain.batches.rows import BatchFilters
from domain.deliveries.claims import DeliveryWaitRequest, RetryRequest
from domain.kit.json_types import JsonValue
from domain.kit.pages import PageRequest
from domain.kit.shapes import read_shape
from domain.recipients.refs import RecipientRef
from domain.runs.waiting import CancelRunsRequest, WaitingFilters, WaitRequest
from services.account.environments import get_scope
from services.batches import operating
from services.deliveries import holds, waits
from services.deliveries.retries import retry_messages
from services.engine import Engine
from services.triggers import moved_waits, open_runs

_ID = argument("id", type=UUID)
_LIMIT = argument("--limit", type=int, default=50)
_WORKFLOW = argument("--workflow", help="only those of this workflow")
_TENANT = argument("--tenant", help="only those of this tenant")
_USER = argument("--recipient", help="only those for the recipient with this id")
_COLLECTION = argument(
    "--collection", default="$users", help="collection of the recipient (default: $users)"
)


def _recipient(arguments: Arguments) -> RecipientRef | None:
    given = arguments.recipient
    return None if given is None else RecipientRef(arguments.collection, given)


@action("run-list-waiting", ENVIRONMENT, _WORKFLOW, _TENANT, _USER, _COLLECTION, _LIMIT)
async def list_waiting(engine: Engine, arguments: Arguments) -> JsonValue:
    """List waiting runs, and what they wait for until when."""
    environment = await get_scope(engine, arguments.environment)
    wanted = WaitingFilters(arguments.workflow, arguments.tenant, _recipient(arguments))
    request = PageRequest(max(1, arguments.limit))
    page = await open_runs.list_waiting(engine, environment, wanted, request)
    return [WaitingRunOut.of(run).model_dump(mode="json") for run in page.rows]


@action(
    "run-cancel",
    ENVIRONMENT,
    argument("--run", help="only this run, or all runs of the trigger that returned this id"),
    _WORKFLOW,
    _TENANT,
    _USER,
    _COLLECTION,
)
async def cancel_runs(engine: Engine, arguments: Arguments) -> JsonValue:
    """Cancel open runs, and print how many."""
    document = {
        "run_id": arguments.run,
        "workflow": arguments.workflow,
        "tenant": arguments.tenant,
        "recipient": arguments.recipient,
        "collection": arguments.collection,
    }
    environment = await get_scope(engine, arguments.environment)
    wanted = read_shape(CancelRunsRequest, document)
    done = await open_runs.cancel_open_runs(engine, environment, wanted)
    return {"runs": done.runs, "items": done.items, "addressees": done.addressees}


@action(
    "run-wait",
    _ID,
    ENVIRONMENT,
    argument("--until", help="when it continues, ISO 8601 (default: at once)"),
)
async def move_wait(engine: Engine, arguments: Arguments) -> JsonValue:
    """Move or skip what a run waits for: a delay, an event, the end of a batch, a request."""
    wanted = read_shape(WaitRequest, {"until": arguments.until})
    environment = await get_scope(engine, arguments.environment)
    run = await moved_waits.move_wait(engine, environment, arguments.id, wanted.until)
    return WaitingRunOut.of(run).model_dump(mode="json")


@action(
    "message-wait",
    _ID,
    ENVIRONMENT,
    argument("--until", help="when it is sent, ISO 8601 (default: at once)"),
)
async def move_message(engine: Engine, arguments: Arguments) -> JsonValue:
    """Move or skip what a message waits for: another attempt, its send window."""
    wanted = read_shape(DeliveryWaitRequest, {"until": arguments.until})
    environment = await get_scope(engine, arguments.environment)
    moved = await waits.move_delivery(engine, environment, arguments.id, wanted.until)
    return MovedOut.of(moved).model_dump(mode="json")


@action("batch-list", ENVIRONMENT, _WORKFLOW, _USER, _COLLECTION, _LIMIT)
async def list_batches(engine: Engine, arguments: Arguments) -> JsonValue:
    """List open batches, in the order in which they close."""
    environment = await get_scope(engine, arguments.environment)
    wanted = BatchFilters(arguments.workflow, _recipient(arguments))
    request = PageRequest(max(1, arguments.limit))
    page = await operating.list_open_batches(engine, environment, wanted, request)
    return [BatchOut.of(batch).model_dump(mode="json") for batch in page.rows]


@action("batch-show", _ID, ENVIRONMENT, _LIMIT)
async def show_batch(engine: Engine, arguments: Arguments) -> JsonValue:
    """Show a batch with its items."""
    environment = await get_scope(engine, arguments.environment)
    batch = await operating.get_batch(engine, environment, arguments.id)
    request = PageRequest(max(1, arguments.limit))
    page = await operating.list_items(engine, environment, arguments.id, request)
    items = [BatchItemOut.of(run_id, item).model_dump(mode="json") for run_id, item in page.rows]
    return {**BatchOut.of(batch).model_dump(mode="json"), "items": items}


@action("batch-close", _ID, ENVIRONMENT)
async def close_batch(engine: Engine, arguments: Arguments) -> JsonValue:
    """Close a batch now."""
    environment = await get_scope(engine, arguments.environment)
    closed = await operating.close_batch(engine, environment, arguments.id)
    return BatchOut.of(closed).model_dump(mode="json")


@action("batch-drop", _ID, argument("run", type=UUID), ENVIRONMENT)
async def drop_item(engine: Engine, arguments: Arguments) -> JsonValue:
    """Remove the item of a run from an open batch."""
    environment = await get_scope(engine, arguments.environment)
    await operating.drop_item(engine, environment, arguments.id, arguments.run)
    return None


@action("channel-hold", argument("key"), ENVIRONMENT)
async def hold_channel(engine: Engine, arguments: Arguments) -> JsonValue:
    """Hold a channel: its messages are made, but wait."""
    environment = await get_scope(engine, arguments.environment)
    return {"count": await holds.hold_channel(engine, environment, arguments.key)}


@action("channel-holds")
async def list_holds(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the held channels of all environments, longest held first."""
    held = await holds.held_channels(engine)
    return [HeldChannelOut.of(each).model_dump(mode="json") for each in held]


@action("channel-release", argument("key"), ENVIRONMENT)
async def release_channel(engine: Engine, arguments: Arguments) -> JsonValue:
    """Release a channel: waiting messages go out."""
    environment = await get_scope(engine, arguments.environment)
    return {"count": await holds.release_channel(engine, environment, arguments.key)}


@action(
    "messages-retry",
    ENVIRONMENT,
    argument("--status", choices=["undelivered", "bounced"], default="undelivered"),
    argument("--channel", help="only messages on the channel with this key"),
    _WORKFLOW,
    _TENANT,
    argument("--since", help="only messages made at or after this time, ISO 8601"),
    argument("--until", help="only messages made before this time, ISO 8601"),
)
async def send_failed_again(engine: Engine, arguments: Arguments) -> JsonValue:
    """Retry all failed messages that match the filter."""
    names = ("status", "channel", "workflow", "tenant", "since", "until")
    wanted = read_shape(RetryRequest, {name: getattr(arguments, name) for name in names})
    environment = await get_scope(engine, arguments.environment)
    return {"count": await retry_messages(engine, environment, wanted)}
