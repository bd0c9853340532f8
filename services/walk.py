"""Advance a run through its steps until one has to wait; write its story and status.

One transaction, with the run's row locked from first to last: a cancel comes before it or after
it, never in the middle. What a step did is kept under its ref in `step_outcomes`, so walking from
the same cursor again (a lost answer, a reset from the Temporal UI) reads what was done instead of
doing it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from domain.channels import ChannelType
from domain.clock import iso, parse_instant, utc_now
from domain.conditions import ConditionError
from domain.json_types import JsonObject
from domain.runs import START, AdvanceInput, DeliveryOrder, Directive, DirectiveKind
from domain.statuses import OPEN_RUN, PENDING_DELIVERY, RunStatus
from domain.steps import BaseStep
from models.queries import walks
from runtime.database import Connection
from runtime.platform import Platform
from services.catalog import catalog_of
from services.steps import EXECUTORS
from services.steps.channel import delivery_order
from services.steps.context import StepContext, StepOutcome, run_facts
from templating.limits import Limits, LiquidError

STEP_ATTEMPTS = 3
# Seconds before the second and third attempt of a failing step.
_STEP_WAITS = (1.0, 5.0)
_MISSING = "missing"
_BROKEN_CONDITIONS = "trigger_conditions_broken"
_ERROR_CHARACTERS = 1_000


async def advance(platform: Platform, order: AdvanceInput) -> Directive:
    """Walk a run on from a cursor.

    Returns:
        What the run's Temporal workflow has to do next, and which messages to deliver.

    Raises:
        Unavailable: the database is away; nothing was done.
    """
    async with platform.database.transaction() as connection:
        row = await walks.take_run(connection, UUID(order.environment_id), UUID(order.run_id))
        if row is None:
            return Directive(DirectiveKind.FINISHED, status=_MISSING, story=["the run was deleted"])
        if row["status"] not in OPEN_RUN:
            return await _ended_before(connection, row)
        context = await _open(platform, connection, row)
        if order.cancel:
            directive = await _cancel(context)
        else:
            directive = await _walk(context, order.cursor, first=row["status"] == RunStatus.QUEUED)
        await walks.record_walk(connection, UUID(order.run_id), context.record, context.now)
        return directive


async def _open(platform: Platform, connection: Connection, row: JsonObject) -> StepContext:
    catalog = catalog_of(platform)
    return StepContext(
        platform=platform,
        catalog=catalog,
        connection=connection,
        configuration=await catalog.configuration(
            connection, row["environment_id"], row["config_version"]
        ),
        definition=await catalog.definition(connection, row["version_id"]),
        run=run_facts(row),
        record=walks.WalkRecord(
            RunStatus.PROCESSING, row["error_count"], row["event_count"], row["step_outcomes"]
        ),
        now=utc_now(),
        limits=Limits(seconds=platform.settings.liquid_seconds),
    )


async def _walk(context: StepContext, cursor: str, *, first: bool) -> Directive:
    """Take the steps from the cursor on, one by one."""
    position, attempt = _read(cursor)
    story: list[str] = []
    deliveries: list[DeliveryOrder] = []
    begins = first and cursor == START
    stop = await _why_not(context, begins=begins)
    if stop is not None:
        # A walk whose answer was lost may have made messages: they go out all the same.
        open_ones = [] if begins else await _open_deliveries_of(context)
        halted = stop == _BROKEN_CONDITIONS
        return _finish(context, open_ones, [stop], reason=stop, halted=halted)
    if cursor != START:
        _tell_resumed(context, position)
    for index in range(position, len(context.definition.steps)):
        step = context.definition.steps[index]
        outcome = await _take(context, step, attempt if index == position else 1)
        story.append(outcome.story)
        deliveries.extend(outcome.deliveries)
        if outcome.record["outcome"] == "failed":
            return _finish(context, deliveries, story, reason="step_failed", halted=True)
        if outcome.until is not None:
            return _pause(context, outcome, deliveries, story, cursor=_next(index, outcome.record))
    return _finish(context, deliveries, story)


def _read(cursor: str) -> tuple[int, int]:
    """Read a cursor: the position of a step, and which attempt at it is due (`3`, or `3.2`)."""
    position, _, attempt = cursor.partition(".")
    return int(position or 0), int(attempt or 1)


def _next(index: int, record: JsonObject) -> str:
    """Write the cursor behind a step that waits, or at the next attempt of one that failed."""
    if record["outcome"] == "retrying":
        return f"{index}.{record['attempt'] + 1}"
    return str(index + 1)


async def _why_not(context: StepContext, *, begins: bool) -> str | None:
    """Return why the run must end before any (further) step, or None."""
    workflow = context.configuration.workflows.get(context.definition.key)
    if begins:
        context.tell("run_started", data={"version_id": str(context.run.version_id)})
    if workflow is None or not workflow.is_active:
        return "workflow_inactive"
    if context.run.recipient is None:
        return "recipient_missing"
    return await _why_not_triggered(context) if begins else None


async def _why_not_triggered(context: StepContext) -> str | None:
    """Judge the workflow's own conditions; broken ones end the run, as a broken step does."""
    try:
        verdict = await context.judge(context.definition.conditions)
    except (ConditionError, LiquidError) as error:
        data: JsonObject = {"reason": "condition", "error": str(error)[:_ERROR_CHARACTERS]}
        context.tell("trigger_conditions_evaluated", failed=True, data=data)
        return _BROKEN_CONDITIONS
    if verdict is None:
        return None
    data = {"passed": verdict.passed, "conditions": verdict.trace}
    context.tell("trigger_conditions_evaluated", data=data)
    return None if verdict.passed else "trigger_conditions_not_met"


async def _take(context: StepContext, step: BaseStep, attempt: int) -> StepOutcome:
    """Take one step, or recall what it did when this attempt at it was made before."""
    known = context.record.step_outcomes.get(step.ref)
    if known is not None and (known["outcome"] != "retrying" or attempt <= known["attempt"]):
        return await _recall(context, step, known)
    made = len(context.record.messages), len(context.record.message_events)
    try:
        outcome = await EXECUTORS[type(step)](context, step)
    except (ConditionError, LiquidError) as error:
        # The author's fault. A fault of ours passes through, and Temporal tries the walk again.
        del context.record.messages[made[0] :], context.record.message_events[made[1] :]
        outcome = _failed(context, step, attempt, error)
    context.record.step_outcomes = {**context.record.step_outcomes, step.ref: outcome.record}
    return outcome


def _failed(context: StepContext, step: BaseStep, attempt: int, error: ValueError) -> StepOutcome:
    """Three attempts in total, then the run halts (Knock docs, "Debugging workflows")."""
    kind = "condition" if isinstance(error, ConditionError) else "template"
    data = {"reason": kind, "error": str(error)[:_ERROR_CHARACTERS]}
    last = attempt >= STEP_ATTEMPTS
    event = "step_failed" if last else "step_retrying"
    context.tell(event, ref=step.ref, failed=True, attempt=attempt, data=data)
    if last:
        return StepOutcome({"outcome": "failed"}, f"`{step.ref}` failed: broken {kind}")
    wait = _STEP_WAITS[attempt - 1] * context.platform.settings.step_retry_factor
    until = context.now + timedelta(seconds=wait)
    return StepOutcome(
        {"outcome": "retrying", "attempt": attempt, "until": iso(until)},
        f"`{step.ref}` will be tried again: broken {kind}",
        until=until,
        label=_retry_label(step, attempt),
    )


def _retry_label(step: BaseStep, attempt: int) -> str:
    return f"{step.ref}: attempt {attempt + 1} of {STEP_ATTEMPTS}"


async def _recall(context: StepContext, step: BaseStep, known: JsonObject) -> StepOutcome:
    """Answer what the step answered the first time, with the deliveries that are still open."""
    outcome = StepOutcome(known, f"`{step.ref}` was taken before")
    if known["outcome"] == "waiting":
        outcome.until = parse_instant(known["until"])
        outcome.label = f"{step.ref}: until {known['until']}"
    if known["outcome"] == "retrying":
        outcome.until = parse_instant(known["until"])
        outcome.label = _retry_label(step, known["attempt"])
    if known.get("message_ids"):
        outcome.deliveries = await _open_deliveries_of(context, step_ref=step.ref)
    return outcome


async def _open_deliveries_of(
    context: StepContext, *, step_ref: str | None = None
) -> list[DeliveryOrder]:
    run = context.run
    return await _open_deliveries(
        context.connection, run.workflow_run_id, UUID(run.id), step_ref=step_ref
    )


async def _open_deliveries(
    connection: Connection, workflow_run_id: UUID, run_id: UUID, *, step_ref: str | None = None
) -> list[DeliveryOrder]:
    """Return the deliveries of messages made earlier that have reached no final status."""
    return [
        delivery_order(
            str(row["id"]), row["step_ref"], ChannelType(row["channel_type"]), row["scheduled_at"]
        )
        for row in await walks.messages_of_run(connection, workflow_run_id, run_id)
        if row["delivery_status"] in PENDING_DELIVERY and step_ref in (None, row["step_ref"])
    ]


def _tell_resumed(context: StepContext, position: int) -> None:
    """Note the end of a wait once: the step before the cursor is the one that waited."""
    waited = context.definition.steps[position - 1] if position else None
    known = context.record.step_outcomes.get(waited.ref) if waited else None
    if waited is None or known is None or known["outcome"] != "waiting":
        return
    context.tell("delay_completed", ref=waited.ref, step_type="delay")
    done = {**known, "outcome": "waited"}
    context.record.step_outcomes = {**context.record.step_outcomes, waited.ref: done}


def _pause(
    context: StepContext,
    outcome: StepOutcome,
    deliveries: list[DeliveryOrder],
    story: list[str],
    *,
    cursor: str,
) -> Directive:
    until: datetime = outcome.until or context.now
    context.record.status = RunStatus.PAUSED
    context.record.resumes_at = until
    return Directive(
        DirectiveKind.SLEEP_UNTIL,
        cursor=cursor,
        until=until.timestamp(),
        label=outcome.label,
        deliveries=deliveries,
        story=story,
        status=RunStatus.PAUSED,
    )


def _finish(
    context: StepContext,
    deliveries: list[DeliveryOrder],
    story: list[str],
    *,
    reason: str | None = None,
    halted: bool = False,
) -> Directive:
    event = "run_halted" if halted else "run_completed"
    context.tell(event, failed=halted, data={"reason": reason} if reason else None)
    context.record.status = RunStatus.COMPLETED
    return Directive(
        DirectiveKind.FINISHED, deliveries=deliveries, story=story, status=RunStatus.COMPLETED
    )


async def _cancel(context: StepContext) -> Directive:
    """Record a cancel that came through Temporal (an operator in its UI)."""
    context.tell("run_cancelled", data={"reason": "cancelled_in_temporal"})
    context.record.status = RunStatus.CANCELLED
    return Directive(
        DirectiveKind.FINISHED,
        deliveries=await _open_deliveries_of(context),
        story=["cancelled"],
        status=RunStatus.CANCELLED,
    )


async def _ended_before(connection: Connection, row: JsonObject) -> Directive:
    """The run was cancelled by the API, or walked to its end by a walk whose answer was lost.

    What it had made by then still goes out.
    """
    return Directive(
        DirectiveKind.FINISHED,
        deliveries=await _open_deliveries(connection, row["workflow_run_id"], row["id"]),
        story=[str(row["status"])],
        status=row["status"],
    )
