"""What a transaction owes to Temporal happens after its commit, once or harmlessly twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from domain.clock import utc_now
from services import effects
from tests.support.engine import Engine
from tests.support.interruptions import FailingTemporal, InterruptedDatabase
from tests.support.temporal_recorder import TemporalRecorder


async def _owe(engine: Engine, kind: str = effects.DELIVER_MESSAGE) -> UUID:
    message = {"id": uuid4(), "retry_count": 2, "workflow_key": "flow"}
    payload = effects.manual_retry(message, queue="deliver-sms", label="retry")
    async with engine.platform.database.transaction() as connection:
        return await effects.owe(connection, engine.environment.id, kind, payload, utc_now())


async def _owed(engine: Engine) -> list[dict[str, Any]]:
    return await engine.make.rows(
        "SELECT * FROM owed_effects WHERE environment_id = %s ORDER BY id", engine.environment.id
    )


async def _make_due(engine: Engine) -> None:
    await engine.make.rows(
        "UPDATE owed_effects SET due_at = now() - interval '1 second'"
        " WHERE environment_id = %s RETURNING 1",
        engine.environment.id,
    )


async def test_settled_after_the_commit(engine: Engine, temporal: TemporalRecorder) -> None:
    """An owed effect is done once it is settled, and nothing is owed any more."""
    effect = await _owe(engine)
    assert await effects.settle(engine.platform, [effect]) == 1
    ((workflow_id, order, options),) = temporal.starts
    assert workflow_id.endswith("/retry/2")
    assert (order.delivery.retry, order.queue, order.label) == (2, "deliver-sms", "retry")
    assert options["id_reuse_policy"] is WorkflowIDReusePolicy.REJECT_DUPLICATE
    assert await _owed(engine) == []


async def test_nothing_is_owed_by_a_transaction_that_failed(engine: Engine) -> None:
    """What a transaction owes is rolled back with it."""

    async def fail() -> None:
        async with engine.platform.database.transaction() as connection:
            await effects.owe(connection, engine.environment.id, "x", {}, utc_now())
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await _owed(engine) == []


async def test_left_to_the_sweep_while_temporal_is_away(engine: Engine) -> None:
    """What Temporal did not take stays owed, and the sweep does it when it is due."""
    failing = FailingTemporal()
    away = engine.with_platform(temporal=cast(Client, failing))
    assert await effects.settle(away.platform, [await _owe(engine)]) == 0
    await effects.do_left_over_effects(away.platform)
    assert failing.asked == 1
    await _make_due(engine)
    failing.failing = False
    await effects.do_left_over_effects(away.platform)
    assert await _owed(engine) == []
    assert len(failing.starts) == 1


async def test_one_that_fails_is_put_off(engine: Engine, temporal: TemporalRecorder) -> None:
    """A kind that nobody here knows waits longer each time, and the others are done."""
    await _owe(engine, "from_the_future")
    await _owe(engine)
    await _make_due(engine)
    await effects.do_left_over_effects(engine.platform)
    (left,) = await _owed(engine)
    assert (left["kind"], left["attempts"]) == ("from_the_future", 1)
    assert left["due_at"] > utc_now()
    await _make_due(engine)
    await effects.do_left_over_effects(engine.platform)
    (again,) = await _owed(engine)
    assert again["due_at"] - left["due_at"] > timedelta(seconds=10)
    assert len(temporal.starts) == 1


async def test_settling_without_a_database(engine: Engine, temporal: TemporalRecorder) -> None:
    """Whoever committed is not told that the database went away afterwards."""
    effect = await _owe(engine)
    database = InterruptedDatabase(engine.platform.database, away=1)
    assert await effects.settle(engine.with_platform(database=database).platform, [effect]) == 0
    assert temporal.starts == []
    assert len(await _owed(engine)) == 1
