"""Executors of a walk that changes nothing: what has no outside effect is taken as it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.content.reusable_request import REUSABLE_REQUEST, RequestSettings
from domain.contract.runs import SleepUntil
from domain.kit.durations import add_duration
from domain.kit.json_types import JsonObject
from domain.workflows.steps import (
    AiAgentStep,
    BaseStep,
    BatchStep,
    ChannelStep,
    HttpFetchStep,
    ThrottleStep,
    TriggerWorkflowStep,
    UpdateAudienceStep,
    UpdateObjectStep,
    UpdateTenantStep,
    UpdateUserStep,
    WaitForEventStep,
)
from domain.workflows.steps.http_request import HttpRequest
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import NOT_MET, Done, Halted, Move, Skipped, Waiting, Woken, skip
from services.walk.steps import EXECUTORS, Executor
from services.walk.steps.batch import BatchExecutor
from services.walk.steps.batch_store import Batches
from services.walk.steps.channel import ChannelExecutor
from services.walk.steps.never_waits import NeverWaits
from services.walk.steps.step_requests import VERSION, StepRequest, allowed_request
from services.walk.steps.throttle import ThrottleExecutor
from services.what_if.throttles import Throttles
from services.what_if.walks import Unknown, rehearsed

# A past run came to its steps some seconds later than a walk does for which no time passes.
_LATENCY = timedelta(minutes=5)


def executors(batches: Batches, throttles: Throttles) -> Mapping[type[BaseStep], Executor[Any]]:
    """Return what takes the steps of a walk that changes nothing.

    Args:
        batches: what is gathered in this world.
        throttles: whom its throttles have let pass.
    """
    return {
        **EXECUTORS,
        BatchStep: BatchExecutor(batches),
        ChannelStep: ChannelExecutor(note_admission),
        ThrottleStep: ThrottleExecutor(throttles.try_to_pass),
        HttpFetchStep: RecordedAnswer(),
        AiAgentStep: RecordedAnswer(),
        WaitForEventStep: RecordedWait(),
        TriggerWorkflowStep: NotedTrigger(),
        UpdateAudienceStep: RecordedUpdate(),
        UpdateObjectStep: RecordedUpdate(),
        UpdateTenantStep: RecordedUpdate(),
        UpdateUserStep: RecordedUpdate(),
    }


async def note_admission(walk: Walk, step: ChannelStep, guide_key: str) -> bool:
    """Note that the recipient would see a guide; no message of the run follows from it."""
    rehearsed(walk).has_effect(step)
    return True


class RecordedAnswer(NeverWaits):
    """Goes on with the answer that the past run got, or fails as it did."""

    async def arrive(self, walk: Walk, step: HttpFetchStep | AiAgentStep) -> Move:
        """Take the recorded answer. Raises Unknown without one, ContentError for a failure."""
        request = None
        if isinstance(step, HttpFetchStep):
            request = await allowed_request(walk, step)
            if request is None:
                return skip(step, NOT_MET)
        elif not await walk.allows(step):
            return skip(step, NOT_MET)
        known = rehearsed(walk)
        outcome = known.recorded_outcome(step, step.settings)
        if request is not None and outcome.get("reason") != NOT_MET:
            await _require_same_request(walk, step.ref, request, outcome)
        known.has_effect(step)
        story = f"`{step.ref}` has the recorded answer"
        match outcome.get("outcome"):
            case "failed":
                raise ContentError("request", "it failed in the recorded run", is_final=True)
            case "skipped" if outcome.get("reason") != NOT_MET:
                return Skipped(story=story, reason=str(outcome.get("reason")))
            case "done":
                patch = known.record.patches.get(outcome.get("patch", -1))
                return Done(story=story, patch=patch)
        raise Unknown(step.ref, "the recorded run skipped this step")


async def _require_same_request(
    walk: Walk, ref: str, request: StepRequest, outcome: JsonObject
) -> None:
    """Raise Unknown when a step's reusable request is not the one that the past run has sent."""
    if request.key is None or outcome.get(VERSION) == str(request.version_id):
        return
    sent = outcome.get(VERSION)
    if sent is not None:
        catalog, connection = walk.unit.engine.catalog, walk.unit.connection
        then = await catalog.compiled(connection, REUSABLE_REQUEST, UUID(sent))
        if then.settings is not None and _sent(then.settings) == _sent(request.settings):
            return
    raise Unknown(ref, f"the reusable request {request.key!r} may have been different then")


def _sent(request: HttpRequest) -> HttpRequest:
    """Return a request without what its author previews it with."""
    if isinstance(request, RequestSettings):
        return request.model_copy(update={"data_input_values_str": None})
    return request


class RecordedUpdate(NeverWaits):
    """Passes a step whose change the past run has made: what is stored has it already."""

    async def arrive(
        self,
        walk: Walk,
        step: UpdateAudienceStep | UpdateObjectStep | UpdateTenantStep | UpdateUserStep,
    ) -> Move:
        """Pass the step. Raises Unknown when the recorded run has not made the change."""
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        known = rehearsed(walk)
        outcome = known.recorded_outcome(step, step.settings)
        match outcome.get("outcome"):
            case "failed":
                raise ContentError("content", "it failed in the recorded run", is_final=True)
            case "skipped" if outcome.get("reason") != NOT_MET:
                return skip(step, str(outcome.get("reason")))
            case "done":
                known.has_effect(step)
                return Done(story=f"`{step.ref}` was done then")
        raise Unknown(step.ref, "the recorded run skipped this step")


class NotedTrigger(NeverWaits):
    """Notes that another workflow would be triggered; nothing of this run follows from it."""

    async def arrive(self, walk: Walk, step: TriggerWorkflowStep) -> Move:
        """Note the trigger. Raises ContentError when the conditions cannot be judged."""
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        rehearsed(walk).has_effect(step)
        return Done(story=f"`{step.ref}` would trigger a workflow")


class RecordedWait:
    """Waits until the instant at which the event of the past run came, or its time was over."""

    async def arrive(self, walk: Walk, step: WaitForEventStep) -> Move:
        """Find out how the wait ended. Raises Unknown when nobody can know."""
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        known = rehearsed(walk)
        known.recorded_outcome(step, step.settings)
        ended = known.record.wait_ends.get(step.ref)
        if ended is None:
            raise Unknown(step.ref, "the recorded run did not wait here to the end")
        now, expires = walk.unit.now, add_duration(walk.unit.now, step.settings.expires_after)
        if ended.matched and ended.at < now:
            raise Unknown(step.ref, "its event came before this run would have waited for it")
        if not ended.matched and expires > ended.at + _LATENCY:
            raise Unknown(step.ref, "no run was recorded waiting as long as this one would")
        is_matched = ended.matched and ended.at < expires
        until = ended.at if is_matched else expires
        return Waiting(
            story=f"`{step.ref}` waits as it did then",
            record={"is_matched": is_matched},
            directive=SleepUntil(until.timestamp(), step.ref),
        )

    async def resume(
        self, walk: Walk, step: WaitForEventStep, kept: JsonObject, woken: Woken
    ) -> Move:
        """Go on with the event of the past run, or without one."""
        is_matched = bool(kept.get("is_matched"))
        chosen = step.settings.on_match if is_matched else step.settings.on_timeout
        if chosen == "halt":
            reason = "wait_matched" if is_matched else "wait_timed_out"
            return Halted(story=f"`{step.ref}` ends the run", reason=reason, cancels=True)
        variables = rehearsed(walk).record.outputs.get(step.ref, {}) if is_matched else {}
        walk.put_output(step.ref, {"matched": is_matched, "signal_variables": variables})
        return Done(story=f"`{step.ref}` goes on", record={"waited": True, "matched": is_matched})


def instant_of(until: float, now: datetime) -> datetime:
    """Return when a wait ends, which is never before it began."""
    return max(now, datetime.fromtimestamp(until, now.tzinfo))
