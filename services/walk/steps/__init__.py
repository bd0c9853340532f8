"""One executor per step type, in two halves: a run arrives at a step, and may resume it later."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from domain.kit.json_types import JsonObject
from domain.workflows.steps import (
    AiAgentStep,
    BaseStep,
    BatchStep,
    BranchStep,
    ChannelStep,
    DelayStep,
    HttpFetchStep,
    RandomCohortStep,
    ThrottleStep,
    TriggerWorkflowStep,
    UnknownStep,
    UpdateAudienceStep,
    UpdateDataStep,
    UpdateObjectStep,
    UpdateTenantStep,
    UpdateUserStep,
    WaitForEventStep,
)
from services.walk.context import Walk
from services.walk.moves import Move, Woken
from services.walk.steps.ai_agent import AiAgentExecutor
from services.walk.steps.batch import BatchExecutor
from services.walk.steps.batch_store import StoredBatches
from services.walk.steps.branch import BranchExecutor
from services.walk.steps.channel import ChannelExecutor
from services.walk.steps.delay import DelayExecutor
from services.walk.steps.http_fetch import HttpFetchExecutor
from services.walk.steps.random_cohort import RandomCohortExecutor
from services.walk.steps.throttle import ThrottleExecutor
from services.walk.steps.trigger_workflow import TriggerWorkflowExecutor
from services.walk.steps.unknown import UnknownExecutor
from services.walk.steps.update_audience import UpdateAudienceExecutor
from services.walk.steps.update_data import UpdateDataExecutor
from services.walk.steps.update_recipient import UpdateRecipientExecutor
from services.walk.steps.wait_for_event import WaitForEventExecutor

S = TypeVar("S", bound=BaseStep)
S_contra = TypeVar("S_contra", bound=BaseStep, contravariant=True)


class Executor(Protocol[S_contra]):
    """Takes the steps of one type. Both halves raise ContentError when the step fails.

    The walk goes on then, and takes back what the journal holds of the step, but nothing else: a
    savepoint for each step would cost every walk two statements more. So an executor writes, owes
    and changes the walk when nothing can fail the step any more, or it writes within
    `walk.unit.savepoint()`. Only what ends with the step, such as the request of a fetch, may be
    gone when a failure is final.
    """

    async def arrive(self, walk: Walk, step: S_contra) -> Move:
        """Take the step, as far as it goes without waiting."""
        ...

    async def resume(self, walk: Walk, step: S_contra, kept: JsonObject, woken: Woken) -> Move:
        """Go on with a step that returned `Waiting`; `kept` is what it recorded then."""
        ...


def pair(step: type[S], executor: Executor[S]) -> tuple[type[BaseStep], Executor[Any]]:
    """Tie a step type to its executor; the type checker rejects a mismatch."""
    return step, executor


EXECUTORS: dict[type[BaseStep], Executor[Any]] = dict(
    (
        pair(BatchStep, BatchExecutor(StoredBatches())),
        pair(ChannelStep, ChannelExecutor()),
        pair(DelayStep, DelayExecutor()),
        pair(BranchStep, BranchExecutor()),
        pair(RandomCohortStep, RandomCohortExecutor()),
        pair(UpdateDataStep, UpdateDataExecutor()),
        pair(UpdateUserStep, UpdateRecipientExecutor()),
        pair(UpdateObjectStep, UpdateRecipientExecutor()),
        pair(UpdateTenantStep, UpdateRecipientExecutor()),
        pair(UpdateAudienceStep, UpdateAudienceExecutor()),
        pair(TriggerWorkflowStep, TriggerWorkflowExecutor()),
        pair(HttpFetchStep, HttpFetchExecutor()),
        pair(AiAgentStep, AiAgentExecutor()),
        pair(ThrottleStep, ThrottleExecutor()),
        pair(WaitForEventStep, WaitForEventExecutor()),
        pair(UnknownStep, UnknownExecutor()),
    )
)
