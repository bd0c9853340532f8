"""What leaves an activity as an error has no text of an unexpected exception."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.advance import AdvanceActivities
from activities.faults import SafeFailures
from domain.contract.runs import AdvanceInput
from domain.kit.errors import NotFound, Unavailable
from tests.support.extra_steps import ExtraExecutor, extra, extra_step
from tests.support.interruptions import InterruptedDatabase
from tests.support.world import World, channel_step

__all__ = ["extra"]

SECRET = "ada@example.com"


class _Raises(ActivityInboundInterceptor):
    """Stands for an activity that raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Raise."""
        raise self._error


async def _failure(error: Exception) -> ApplicationError:
    """Return what comes out of a worker for what an activity raises."""
    safe = SafeFailures().intercept_activity(_Raises(error))
    order = ExecuteActivityInput(fn=lambda: None, args=[], executor=None, headers={})

    async def run() -> None:
        await safe.execute_activity(order)

    with pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(run)
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        ValueError(f"{SECRET} is no number"),
        psycopg.errors.UntranslatableCharacter(f'CONTEXT: {{"to": "{SECRET}"}}'),
        NotFound(f"There is no {SECRET}."),
        Unavailable(f"The database says: {SECRET}"),
        UnicodeEncodeError("utf-8", SECRET, 0, 1, "no"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_no_words_of_a_fault_leave(error: Exception) -> None:
    """The type, an id and places in the code are told, never the text nor its causes."""
    error.__cause__ = KeyError(SECRET)
    with capture_logs() as logs:
        failure = await _failure(error)
    assert failure.type == type(error).__name__
    seen: BaseException | None = failure
    while seen is not None:
        assert SECRET not in str(seen)
        seen = seen.__cause__ or seen.__context__
    assert SECRET not in str(logs)


async def test_the_same_fault_has_one_id() -> None:
    """Failures in a history are found in the log by the id of their fault."""
    first, second = [await _failure(ValueError(text)) for text in ("a", "b")]
    assert str(first) == str(second)
    assert str(first) != str(await _failure(TypeError("a")))


async def test_our_own_errors_pass() -> None:
    """An error that an activity words itself is left as it is."""
    own = ApplicationError("not accepted", type="TryAgain")
    assert await _failure(own) is own


async def _advance(world: World, run_id: str, *, attempt: int, local: bool) -> ApplicationError:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=attempt, is_local=local)
    order = AdvanceInput(run_id, str(world.environment.id))
    with pytest.raises(ApplicationError) as caught:
        await environment.run(AdvanceActivities(world.engine).advance, order)
    return caught.value


async def test_a_fault_backs_off(world: World, extra: ExtraExecutor) -> None:
    """A walk that meets a fault of ours is tried again ever later, and the run says so once."""
    await world.publish("flow", channel_step("feed"), extra_step("bug", "fault"))
    run_id = await world.begin("flow")
    quick = await _advance(world, run_id, attempt=1, local=True)
    assert (quick.type, quick.next_retry_delay) == ("LookupError", None)
    assert await world.story(run_id) == []
    waits = []
    with capture_logs() as logs:
        for attempt in (1, 2, 5, 30, 10_000):
            failure = await _advance(world, run_id, attempt=attempt, local=False)
            assert "secret" not in str(failure)
            waits.append(failure.next_retry_delay)
    assert waits == sorted(waits, key=lambda wait: wait or timedelta())
    assert waits[-1] == timedelta(minutes=10)
    assert await world.story(run_id) == ["run_stalled"]
    (told,) = [line for line in logs if line["event"] == "run_stalled"]
    assert (told["run_id"], told["type"]) == (run_id, "LookupError")
    assert told["places"][-1].startswith("tests/support/extra_steps.py:")
    assert "secret" not in str(logs)


async def test_a_mended_fault_heals(world: World, extra: ExtraExecutor) -> None:
    """Once the fault is mended the run goes on where it stood."""
    await world.publish("flow", channel_step("feed"), extra_step("bug", "fault"))
    run_id = await world.begin("flow")
    await _advance(world, run_id, attempt=1, local=False)

    async def mended(walk: Any, step: Any) -> Any:
        return await ExtraExecutor().arrive(walk, step.model_copy(update={"does": "patch"}))

    extra.arrive = mended  # type: ignore[method-assign]
    assert (await world.walk(run_id)).status == "completed"
    assert len(await world.messages(run_id)) == 1


async def test_an_absent_database_is_no_fault(world: World) -> None:
    """While the database is away the walk is retried as the policy says, and nothing is told."""
    await world.publish("flow", channel_step("feed"))
    run_id = await world.begin("flow")
    database = InterruptedDatabase(world.engine.database, away=1)
    failure = await _advance(world.with_parts(database=database), run_id, attempt=50, local=False)
    assert (failure.type, failure.next_retry_delay) == ("Unavailable", None)
    assert await world.story(run_id) == []
