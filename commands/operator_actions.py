"""`carillon admin` for what is under way: runs that wait, open batches, failures, lost runs."""

from __future__ import annotations

import argparse
from datetime import datetime
from uuid import UUID

from temporalio.service import RPCError

from api.admin.schemas.batches import BatchItemOut, BatchOut
from api.admin.schemas.messages import MovedOut
from api.admin.schemas.runs import WaitingRunOut
from commands.actions import Arguments, action
from commands.arguments import ENVIRONMENT, argument
from domain.batches.rows import BatchFilters
from domain.deliveries.claims import DeliveryWaitRequest, RetryRequest
from domain.kit.clock import parse_instant
from domain.kit.errors import NotFound, Unavailable
from domain.kit.ids import read_id
from domain.kit.json_types import JsonValue
from domain.kit.pages import PageRequest
from domain.kit.shapes import read_shape
from domain.recipients.refs import RecipientRef
from domain.runs.waiting import CancelRunsRequest, WaitingFilters, WaitRequest
from runtime.temporal import is_away
from services.account.environments import get_scope
from services.batches import operating
from services.deliveries import waits
from services.deliveries.retries import retry_message, retry_messages
from services.engine import Engine
from services.runs.reconciliation import recover
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


@action("message-retry", argument("id"), ENVIRONMENT)
async def send_again(engine: Engine, arguments: Arguments) -> JsonValue:
    """Retry a failed message."""
    environment = await get_scope(engine, arguments.environment)
    message_id = read_id(arguments.id)
    if message_id is None:
        raise NotFound(f"There is no message {arguments.id!r} in this environment.")
    await retry_message(engine, environment, message_id)
    return None


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


def _instant(text: str) -> datetime:
    instant = parse_instant(text)
    if instant is None:
        raise argparse.ArgumentTypeError("must be an ISO 8601 date or date-time")
    return instant


@action(
    "recover",
    argument(
        "--since",
        type=_instant,
        required=True,
        help="skip runs whose last sign of life is older than this date or date-time",
    ),
)
async def start_again(engine: Engine, arguments: Arguments) -> JsonValue:
    """Restart waiting runs that Temporal has lost."""
    try:
        verdict = await recover(engine, arguments.since)
    except (RPCError, RuntimeError) as error:
        if not is_away(error):
            raise
        raise Unavailable(
            "Temporal is unavailable. Runs already restarted stay restarted; run the command again."
        ) from None
    return {
        "waiting_runs": verdict.looked_at,
        "unknown_to_temporal": verdict.unknown,
        "started_again": verdict.restarted,
        "left_because_older": verdict.held,
    }
