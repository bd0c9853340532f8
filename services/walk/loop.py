"""Takes the steps of a run one by one, until one has to wait, ends the run, or the budget is used.

What a step did is kept under its ref, so walking from the same cursor again (a lost answer, a
reset from the Temporal UI) reads what was done instead of doing it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from pydantic import ValidationError

from domain.content.workflow import WORKFLOW
from domain.contract.runs import (
    START,
    Advanced,
    AwaitBatch,
    AwaitEvent,
    Directive,
    Fetch,
    Finished,
    SleepUntil,
    WalkOn,
)
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.runs.statuses import RunStatus
from domain.workflows import Cursor
from domain.workflows.steps import BaseStep
from services.walk.context import Walk
from services.walk.deliveries import open_deliveries
from services.walk.faults import ContentError
from services.walk.journal import LEFT_BEHIND
from services.walk.moves import DIRECTIVES, Woken
from services.walk.steps import EXECUTORS, Executor

STEP_ATTEMPTS = 3
# Seconds before the second and third attempt of a failing step.
_STEP_WAITS = (1.0, 5.0)
# A workflow that cannot obey a directive asks again after this long, perhaps on a newer worker.
_NEWER_WORKER_SECONDS = 60.0
_BROKEN_CONDITIONS = "trigger_conditions_broken"


@dataclass(slots=True)
class Budget:
    """How much one walk may do before it commits: locks are held, and repeated work is lost.

    A walk takes one step at least, whatever the budget is.

    Attributes:
        seconds: elapsed time.
        messages: messages made.
        steps: steps taken that were not taken before, or None for any number.
    """

    seconds: float = 0.25
    messages: int = 50
    steps: int | None = None
    _begun: float = field(default_factory=monotonic)
    _taken: int = 0

    def count(self) -> None:
        """Note that a step was taken."""
        self._taken += 1

    def is_used(self, walk: Walk) -> bool:
        """Tell whether the walk should commit before it takes another step."""
        if self._taken == 0:
            return False
        return (
            (self.steps is not None and self._taken >= self.steps)
            or len(walk.journal.messages) >= self.messages
            or monotonic() - self._begun >= self.seconds
        )


@dataclass(slots=True)
class Orders:
    """How a walk is to be done.

    Attributes:
        cursor: where it starts.
        speaks: kinds of directives that the workflow can obey.
        budget: when it commits.
        refuses: why the next step that was not taken before fails without being taken, or None.
        executors: what takes the steps of each type.
    """

    cursor: Cursor
    speaks: Sequence[str]
    budget: Budget
    refuses: ContentError | None = None
    executors: Mapping[type[BaseStep], Executor[Any]] = field(default_factory=lambda: EXECUTORS)


async def take_steps(walk: Walk, orders: Orders, *, begins: bool) -> Advanced:
    """Walk on from a cursor.

    Args:
        walk: the run, locked.
        orders: how.
        begins: whether the run has never been walked before.
    """
    if begins:
        walk.journal.begin()
    stop = await _why_not(walk, begins=begins)
    if stop is None:
        return await _take_all(walk, orders)
    if not begins:
        # A walk whose answer was lost may have made messages: they go out all the same.
        run = walk.run
        walk.journal.orders += await open_deliveries(
            walk.unit.connection, run.workflow_run_id, run.id
        )
    walk.journal.story.append(stop)
    return _finish(walk, stop, halted=stop == _BROKEN_CONDITIONS)


async def _why_not(walk: Walk, *, begins: bool) -> str | None:
    """Return why the run must end before any (further) step, or None.

    The workflow's own conditions are judged when a run begins; broken ones end it with an error.
    """
    workflow = walk.configuration.published(WORKFLOW, walk.definition.key)
    if not walk.run.is_broadcast and (workflow is None or not workflow.is_active):
        return "workflow_inactive"
    if walk.run.recipient is None:
        return "recipient_missing"
    if not begins:
        return None
    try:
        verdict = await walk.judge(walk.definition.conditions)
    except ContentError as error:
        walk.journal.tell(RunEventType.TRIGGER_CONDITIONS_EVALUATED, failed=True, data=error.told())
        return _BROKEN_CONDITIONS
    if verdict is None:
        return None
    data: JsonObject = {"passed": verdict.passed, "conditions": verdict.trace}
    walk.journal.tell(RunEventType.TRIGGER_CONDITIONS_EVALUATED, data=data)
    return None if verdict.passed else "trigger_conditions_not_met"


async def _take_all(walk: Walk, orders: Orders) -> Advanced:
    cursor = orders.cursor
    ref = cursor.ref or walk.definition.program.first()
    while ref is not None:
        step = walk.definition.program.step(ref)
        if step is None:
            return _finish(walk, "step_missing", halted=True)
        outcome = await _take(walk, step, cursor, orders)
        match outcome.get("outcome"):
            case "failed":
                return _finish(walk, "step_failed", halted=True)
            case "halted":
                cancels = bool(outcome.get("cancels"))
                return _finish(walk, outcome.get("reason"), cancelled=cancels)
            case "waiting" | "retrying":
                return _pause(walk, step, outcome, orders.speaks)
        program = walk.definition.program  # a batch may go on with a newer one
        is_branched = outcome.get("outcome") == "branched"
        ref = program.into(ref, outcome["branch"]) if is_branched else program.after(ref)
        cursor = Cursor(START)
        if ref is not None and orders.budget.is_used(walk):
            # What resumes at once counts as overdue when nobody does it.
            walk.journal.rest(RunStatus.PROCESSING, walk.unit.now)
            return _answer(walk, WalkOn(), Cursor(ref))
    return _finish(walk)


async def _take(walk: Walk, step: BaseStep, cursor: Cursor, orders: Orders) -> JsonObject:
    """Take one step, or recall what it did when this attempt at it was made before.

    Returns:
        The outcome, as it is kept under the step's ref.
    """
    journal = walk.journal
    known: JsonObject | None = journal.outcomes.get(step.ref)
    if known is not None and known.get("outcome") == LEFT_BEHIND:
        known = None
    is_due = (
        known is None
        or (known.get("outcome") == "retrying" and cursor.attempt > known.get("attempt", 1))
        or (known.get("outcome") == "waiting" and cursor.resumes)
    )
    if known is not None and not is_due:
        # What the step returned the first time, with the deliveries that are still open.
        journal.story.append(f"`{step.ref}` was already taken")
        if known.get("message_ids"):
            run = walk.run
            journal.orders += await open_deliveries(
                walk.unit.connection, run.workflow_run_id, run.id, step_ref=step.ref
            )
        return known
    # What a step recorded when it began to wait; an attempt at its other half keeps it.
    kept: JsonObject | None = None
    if known is not None:
        kept = known if known.get("outcome") == "waiting" else known.get("kept")
    orders.budget.count()
    walk.arrive()
    mark = journal.mark()
    executor = orders.executors[type(step)]
    try:
        if orders.refuses is not None:
            raise orders.refuses
        if kept is None:
            move = await executor.arrive(walk, step)
        else:
            move = await executor.resume(walk, step, kept, Woken(walk.unit.now))
    except ContentError as error:
        orders.refuses = None
        # An executor raises before it writes anything else: see its protocol.
        journal.take_back(mark)
        return _fail(walk, step, cursor.attempt, kept, error)
    journal.story.append(move.story)
    if move.event is not None:
        event = move.event
        journal.tell(event.type, step=step, failed=event.failed, data=event.data)
    outcome = move.kept()
    journal.keep(step, outcome, move.patch)
    if move.patch is not None:
        walk.patch(move.patch)
    return outcome


def _fail(
    walk: Walk, step: BaseStep, attempt: int, kept: JsonObject | None, error: ContentError
) -> JsonObject:
    """Note a failed attempt: three in total, then the run halts (Knock docs, "Debugging").

    Returns:
        The outcome, as it is kept under the step's ref.
    """
    last = error.is_final or attempt >= STEP_ATTEMPTS
    walk.journal.tell(
        RunEventType.STEP_FAILED if last else RunEventType.STEP_RETRYING,
        step=step,
        attempt=attempt,
        data=error.told(),
    )
    outcome: JsonObject = {"outcome": "failed"}
    story = f"`{step.ref}` failed: broken {error.kind}"
    if not last:
        seconds = _STEP_WAITS[attempt - 1] * walk.unit.engine.settings.step_retry_factor
        until = walk.unit.now + timedelta(seconds=seconds)
        label = f"{step.ref}: attempt {attempt + 1} of {STEP_ATTEMPTS}"
        directive = SleepUntil(until.timestamp(), label)
        outcome = {
            "outcome": "retrying",
            "attempt": attempt,
            "directive": DIRECTIVES.dump_python(directive, mode="json"),
        }
        if kept is not None:
            outcome["kept"] = kept
        story = f"`{step.ref}` will be retried: broken {error.kind}"
    walk.journal.story.append(story)
    walk.journal.keep(step, outcome, None)
    return outcome


def _pause(walk: Walk, step: BaseStep, outcome: JsonObject, speaks: Sequence[str]) -> Advanced:
    """Wait as the step's outcome says; a workflow that cannot asks again, on a newer worker."""
    if outcome.get("outcome") == "retrying":
        attempt = outcome.get("attempt", 1) + 1
        cursor = Cursor(step.ref, resumes="kept" in outcome, attempt=attempt)
    else:
        cursor = Cursor(step.ref, resumes=True)
    try:
        directive: Directive | None = DIRECTIVES.validate_python(outcome.get("directive"))
    except ValidationError:  # a kind that only a newer process knows
        directive = None
    if directive is None or directive.kind not in speaks:
        until = walk.unit.now + timedelta(seconds=_NEWER_WORKER_SECONDS)
        directive = SleepUntil(until.timestamp(), f"{step.ref}: needs a newer worker")
        cursor = Cursor(step.ref)
    resumes_at = walk.unit.now
    if isinstance(directive, (SleepUntil, AwaitBatch, AwaitEvent)):
        resumes_at = datetime.fromtimestamp(directive.until, UTC)
    elif isinstance(directive, Fetch) and directive.not_before is not None:
        resumes_at = datetime.fromtimestamp(directive.not_before, UTC)
    walk.journal.rest(RunStatus.PAUSED, resumes_at)
    return _answer(walk, directive, cursor)


def _finish(
    walk: Walk, reason: str | None = None, *, halted: bool = False, cancelled: bool = False
) -> Advanced:
    if halted:
        walk.journal.halt(reason or "")
    elif cancelled:
        walk.journal.cancel(reason or "")
    else:
        walk.journal.complete(reason)
    return _answer(walk, Finished(), Cursor(START))


def _answer(walk: Walk, directive: Directive, cursor: Cursor) -> Advanced:
    journal = walk.journal
    return Advanced(
        directive,
        cursor=str(cursor),
        deliveries=journal.orders,
        story=journal.story,
        status=journal.change.status,
    )
