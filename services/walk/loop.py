"""Takes the steps of a run one by one, until one has to wait, ends the run, or the budget is used.

What a step did is kept under its ref, so walking from the same cursor again (a lost answer, a
reset from the Temporal UI) reads what was done instead of doing it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic

from pydantic import TypeAdapter, ValidationError

from domain.content.workflow import WORKFLOW
from domain.contract.runs import (
    START,
    Advanced,
    DeliveryOrder,
    Directive,
    Finished,
    SleepUntil,
    WalkOn,
)
from domain.kit.json_types import JsonObject
from domain.runs.statuses import RunStatus
from domain.workflows import Cursor
from domain.workflows.steps import BaseStep
from services.walk.context import Walk
from services.walk.deliveries import open_deliveries
from services.walk.faults import ContentError
from services.walk.moves import Done, Halted, Into, Move, Skipped, Waiting, Woken
from services.walk.steps import EXECUTORS

STEP_ATTEMPTS = 3
# Seconds before the second and third attempt of a failing step.
_STEP_WAITS = (1.0, 5.0)
# A workflow that cannot obey a directive asks again after this long, perhaps on a newer worker.
_NEWER_WORKER_SECONDS = 60.0
_BROKEN_CONDITIONS = "trigger_conditions_broken"
_DIRECTIVES: TypeAdapter[Directive] = TypeAdapter(Directive)


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
    """

    cursor: Cursor
    speaks: Sequence[str]
    budget: Budget
    refuses: ContentError | None = None


@dataclass(frozen=True, slots=True)
class _Taken:
    """What came of one step.

    Attributes:
        outcome: as it is kept under the step's ref.
        story: one line for the Temporal UI.
        reruns: messages of an earlier walk that are still to be delivered.
    """

    outcome: JsonObject
    story: str
    reruns: list[DeliveryOrder] = field(default_factory=list)


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
    reruns: list[DeliveryOrder] = []
    if not begins:
        # A walk whose answer was lost may have made messages: they go out all the same.
        run = walk.run
        reruns = await open_deliveries(walk.unit.connection, run.workflow_run_id, run.id)
    return _finish(walk, reruns, [stop], reason=stop, halted=stop == _BROKEN_CONDITIONS)


async def _take_all(walk: Walk, orders: Orders) -> Advanced:
    program = walk.definition.program
    story: list[str] = []
    reruns: list[DeliveryOrder] = []
    cursor = orders.cursor
    ref = cursor.ref or program.first()
    while ref is not None:
        step = program.step(ref)
        if step is None:
            return _finish(walk, reruns, story, reason="step_missing", halted=True)
        taken = await _take(walk, step, cursor, orders)
        story.append(taken.story)
        reruns.extend(taken.reruns)
        outcome = taken.outcome
        match outcome.get("outcome"):
            case "failed":
                return _finish(walk, reruns, story, reason="step_failed", halted=True)
            case "halted":
                return _finish(walk, reruns, story, reason=outcome.get("reason"))
            case "waiting" | "retrying":
                return _pause(walk, step, outcome, reruns, story, speaks=orders.speaks)
        is_branched = outcome.get("outcome") == "branched"
        ref = program.into(ref, outcome["branch"]) if is_branched else program.after(ref)
        cursor = Cursor(START)
        if ref is not None and orders.budget.is_used(walk):
            # What resumes at once counts as overdue when nobody does it.
            walk.journal.rest(RunStatus.PROCESSING, walk.unit.now)
            return _answer(walk, WalkOn(), Cursor(ref), reruns, story)
    return _finish(walk, reruns, story)


async def _why_not(walk: Walk, *, begins: bool) -> str | None:
    """Return why the run must end before any (further) step, or None.

    The workflow's own conditions are judged when a run begins; broken ones end it with an error.
    """
    workflow = walk.configuration.published(WORKFLOW, walk.definition.key)
    if workflow is None or not workflow.is_active:
        return "workflow_inactive"
    if walk.run.recipient is None:
        return "recipient_missing"
    if not begins:
        return None
    try:
        verdict = await walk.judge(walk.definition.conditions)
    except ContentError as error:
        data: JsonObject = {"reason": error.kind, "error": error.text}
        walk.journal.tell("trigger_conditions_evaluated", failed=True, data=data)
        return _BROKEN_CONDITIONS
    if verdict is None:
        return None
    data = {"passed": verdict.passed, "conditions": verdict.trace}
    walk.journal.tell("trigger_conditions_evaluated", data=data)
    return None if verdict.passed else "trigger_conditions_not_met"


async def _take(walk: Walk, step: BaseStep, cursor: Cursor, orders: Orders) -> _Taken:
    """Take one step, or recall what it did when this attempt at it was made before."""
    known: JsonObject | None = walk.journal.outcomes.get(step.ref)
    is_due = (
        known is None
        or (known.get("outcome") == "retrying" and cursor.attempt > known.get("attempt", 1))
        or (known.get("outcome") == "waiting" and cursor.resumes)
    )
    if not is_due and known is not None:
        return await _recall(walk, step, known)
    executor = EXECUTORS[type(step)]
    # What a step recorded when it began to wait; an attempt at its other half keeps it.
    kept: JsonObject | None = None
    if known is not None:
        kept = known if known.get("outcome") == "waiting" else known.get("kept")
    orders.budget.count()
    mark = walk.journal.mark()
    try:
        if orders.refuses is not None:
            raise orders.refuses
        if kept is None:
            move = await executor.arrive(walk, step)
        else:
            move = await executor.resume(walk, step, kept, Woken(walk.unit.now))
    except ContentError as error:
        orders.refuses = None
        walk.journal.take_back(mark)
        return _failed(walk, step, cursor.attempt, kept, error)
    outcome = _outcome(move)
    if move.event is not None:
        event = move.event
        walk.journal.tell(event.name, step=step, failed=event.failed, data=event.data)
    walk.journal.keep(step, outcome, move.patch)
    if move.patch is not None:
        walk.patch(move.patch)
    return _Taken(outcome, move.story)


def _outcome(move: Move) -> JsonObject:
    """Write what is kept of a move: enough to answer the same again."""
    match move:
        case Done():
            return {"outcome": move.outcome, **move.record}
        case Skipped():
            return {"outcome": "skipped", "reason": move.reason, **move.record}
        case Into():
            return {"outcome": "branched", "branch": move.branch, **move.record}
        case Halted():
            return {"outcome": "halted", "reason": move.reason, **move.record}
        case Waiting():
            directive = _DIRECTIVES.dump_python(move.directive, mode="json")
            return {"outcome": "waiting", "directive": directive, **move.record}


def _failed(
    walk: Walk, step: BaseStep, attempt: int, kept: JsonObject | None, error: ContentError
) -> _Taken:
    """Three attempts in total, then the run halts (Knock docs, "Debugging workflows")."""
    last = attempt >= STEP_ATTEMPTS
    walk.journal.tell(
        "step_failed" if last else "step_retrying",
        step=step,
        failed=True,
        attempt=attempt,
        data={"reason": error.kind, "error": error.text},
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
            "directive": _DIRECTIVES.dump_python(directive, mode="json"),
        }
        if kept is not None:
            outcome["kept"] = kept
        story = f"`{step.ref}` will be tried again: broken {error.kind}"
    walk.journal.keep(step, outcome, None)
    return _Taken(outcome, story)


async def _recall(walk: Walk, step: BaseStep, known: JsonObject) -> _Taken:
    """Answer what the step answered the first time, with the deliveries that are still open."""
    reruns: list[DeliveryOrder] = []
    if known.get("message_ids"):
        run = walk.run
        reruns = await open_deliveries(
            walk.unit.connection, run.workflow_run_id, run.id, step_ref=step.ref
        )
    return _Taken(known, f"`{step.ref}` was taken before", reruns)


def _pause(
    walk: Walk,
    step: BaseStep,
    outcome: JsonObject,
    reruns: list[DeliveryOrder],
    story: list[str],
    *,
    speaks: Sequence[str],
) -> Advanced:
    """Wait as the step's outcome says; a workflow that cannot asks again, on a newer worker."""
    if outcome.get("outcome") == "retrying":
        attempt = outcome.get("attempt", 1) + 1
        cursor = Cursor(step.ref, resumes="kept" in outcome, attempt=attempt)
    else:
        cursor = Cursor(step.ref, resumes=True)
    try:
        directive: Directive | None = _DIRECTIVES.validate_python(outcome.get("directive"))
    except ValidationError:  # a kind that only a newer process knows
        directive = None
    if directive is None or directive.kind not in speaks:
        until = walk.unit.now + timedelta(seconds=_NEWER_WORKER_SECONDS)
        directive = SleepUntil(until.timestamp(), f"{step.ref}: needs a newer worker")
        cursor = Cursor(step.ref)
    resumes_at = walk.unit.now
    if isinstance(directive, SleepUntil):
        resumes_at = datetime.fromtimestamp(directive.until, UTC)
    walk.journal.rest(RunStatus.PAUSED, resumes_at)
    return _answer(walk, directive, cursor, reruns, story)


def _finish(
    walk: Walk,
    reruns: list[DeliveryOrder],
    story: list[str],
    *,
    reason: str | None = None,
    halted: bool = False,
) -> Advanced:
    if halted:
        walk.journal.halt(reason or "")
    else:
        walk.journal.complete(reason)
    return _answer(walk, Finished(), Cursor(START), reruns, story)


def _answer(
    walk: Walk,
    directive: Directive,
    cursor: Cursor,
    reruns: list[DeliveryOrder],
    story: list[str],
) -> Advanced:
    """Answer the workflow, with the messages of this walk and those that are still open."""
    return Advanced(
        directive,
        cursor=str(cursor),
        deliveries=[*reruns, *walk.journal.orders],
        story=story,
        status=walk.journal.change.status,
    )
