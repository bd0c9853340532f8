"""Walks a workflow of a served account to its end, for real, on a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from domain.contract.runs import (
    START,
    Advanced,
    AwaitBatch,
    AwaitEvent,
    Fetch,
    Finished,
    SleepUntil,
)
from domain.kit.json_types import JsonObject, JsonValue
from services.runs.fetches import make_attempt
from tests.compat.made_up import made_of
from tests.compat.stand_in import StandIn
from tests.support.world import World

# More than any workflow has waits.
_MOST_WALKS = 500


@dataclass(slots=True)
class Walked:
    """What came of a workflow.

    Attributes:
        runs: how many runs were made.
        messages: how many messages they made.
        requests: how many requests to servers and models were answered.
        problems: what went wrong on the way, a line each.
    """

    runs: int = 0
    messages: int = 0
    requests: int = 0
    problems: list[str] = field(default_factory=list)


class RealWalks:
    """Takes runs through their steps as workers do: nothing is replaced but whom they call.

    Args:
        world: the environment; its engine has the stand-in for its providers.
        stand_in: answers what steps ask.
        data: of triggers; what a workflow's schema asks for beside it is made.
    """

    def __init__(self, world: World, stand_in: StandIn, data: JsonObject) -> None:
        self._world = world
        self._stand_in = stand_in
        self._data = data

    async def walk(self, key: str, document: JsonValue, person: JsonObject) -> Walked:
        """Trigger a published workflow for somebody, and take its runs to their end.

        Args:
            key: of the workflow.
            document: the workflow.
            person: who is identified with the trigger.

        Raises:
            AppError: the trigger is refused.
        """
        walked, asked = Walked(), self._stand_in.asked
        trigger = await self._world.trigger(key, person, data=data_for(document, self._data))
        for run in await self._world.runs(trigger):
            walked.runs += 1
            await self._take(str(run["id"]), key, document)
            walked.messages += len(await self._world.messages(str(run["id"])))
            walked.problems += [
                f"{event['step_ref'] or 'the run'}: {event['event']} {event['data']}"
                for event in await self._world.events(run["id"])
                if event["status"] == "error"
            ]
        walked.requests = self._stand_in.asked - asked
        return walked

    async def _take(self, run_id: str, key: str, document: JsonValue) -> None:
        """Walk a run, doing what each walk asks for, until it is over."""
        world, cursor = self._world, START
        for _ in range(_MOST_WALKS):
            advanced = await world.walk(run_id, cursor)
            await self._deliver(advanced)
            cursor = advanced.cursor
            match advanced.next:
                case Finished():
                    return
                case Fetch(attempt=attempt):
                    self._stand_in.prepare(key, document, attempt.step_ref)
                    await make_attempt(world.engine, attempt)
                case SleepUntil() | AwaitBatch() | AwaitEvent() as wait:
                    world = world.at(datetime.fromtimestamp(wait.until, UTC))
        raise RuntimeError(f"a run of {key!r} has come to no end")

    async def _deliver(self, advanced: Advanced) -> None:
        for order in advanced.deliveries:
            world = self._world
            if order.not_before is not None:
                world = world.at(datetime.fromtimestamp(order.not_before, UTC))
            await world.deliver(order.message_id)


def data_for(document: JsonValue, given: JsonObject) -> JsonObject:
    """Return data to trigger a workflow with: what is given, and what its schema asks for beside.

    Args:
        document: the workflow.
        given: wins.
    """
    schema = document.get("trigger_data_json_schema") if isinstance(document, dict) else None
    made = made_of(schema) if schema else {}
    return {**made, **given} if isinstance(made, dict) else given
