"""Which item is in which batch: decided in PostgreSQL, however many decide at once.

The numbers are those of the races that the engine has to decide.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.contract.runs import AwaitBatch, BatchWindowInput
from services.batches.windows import close_early, close_left_over_windows, close_window
from tests.support.interruptions import FailingTemporal
from tests.support.world import World, batch_step, channel_step

KEY = "gather"
SHOWN = {
    "markdown_body": "{{ total_activities }}:"
    "{% for activity in activities %} {{ activity.n }}{% endfor %}"
}


@pytest.fixture
def away(world: World) -> World:
    """Return a world whose Temporal is away, so that nothing happens but what a test does."""
    return world.with_parts(temporal=FailingTemporal())


@pytest.fixture
def at() -> datetime:
    """Return an instant."""
    return datetime.now(UTC)


async def publish(world: World, **settings: Any) -> None:
    """Publish a workflow that gathers and tells."""
    await world.publish(KEY, batch_step(**settings), channel_step("feed", template=SHOWN))


async def item(world: World, number: int, **body: Any) -> str:
    """Bring one item; answers its run."""
    run_id = await world.begin(KEY, data={"n": number}, **body)
    await world.walk(run_id)
    return run_id


async def batches(world: World) -> list[dict[str, Any]]:
    """Return the batches of the environment, in the order in which they were opened."""
    return await world.make.rows(
        "SELECT * FROM batches WHERE environment_id = %s ORDER BY opened_at, closed_at",
        world.environment.id,
    )


async def close(world: World, batch: dict[str, Any]) -> bool:
    """Look whether a window closes; tells whether it is closed."""
    order = BatchWindowInput(str(batch["id"]), str(world.environment.id), 0.0)
    return (await close_window(world.engine, order)).is_closed


async def told(world: World, run_id: str | UUID) -> str:
    """Let a carrier go on, and return what its message says."""
    await world.walk(run_id, "batch_1/resume")
    (message,) = await world.messages(str(run_id))
    return str(message["content"]["blocks"][0]["rendered"])


async def test_the_first_item_carries_the_batch(away: World) -> None:
    """The run that opens a batch waits for its end; runs of later items end as batched."""
    await publish(away)
    first = await away.begin(KEY, data={"n": 1})
    advanced = await away.walk(first)
    second = await item(away, 2)

    assert isinstance(advanced.next, AwaitBatch)
    assert advanced.cursor == "batch_1/resume"
    assert (await away.run(first))["status"] == "paused"
    ended = await away.run(second)
    assert (ended["status"], ended["end_reason"]) == ("completed", "batched")
    (batch,) = await batches(away)
    joined = next(row for row in await away.events(second) if row["event"] == "batch_joined")
    assert joined["data"]["carrier_run_id"] == first == str(batch["carrier_run_id"])


async def test_twenty_that_open_at_once_open_one(away: World) -> None:
    """Of runs that find no batch open one opens it, and all others join that one."""
    await publish(away)
    runs = [await away.begin(KEY, data={"n": n}) for n in range(20)]
    await asyncio.gather(*(away.walk(run_id) for run_id in runs))

    (batch,) = await batches(away)
    assert batch["item_count"] == 20
    statuses = Counter([(await away.run(run_id))["status"] for run_id in runs])
    assert statuses == {"paused": 1, "completed": 19}


async def test_items_keep_their_order(away: World) -> None:
    """Items are in the order of their triggers, in whatever order their runs came to the step."""
    await publish(away)
    runs = [await away.begin(KEY, data={"n": n}) for n in range(6)]
    for run_id in reversed(runs):
        await away.walk(run_id)
    (batch,) = await batches(away)
    assert await close_early(away.engine, away.environment.id, batch["id"])

    assert "6: 0 1 2 3 4 5" in await told(away, batch["carrier_run_id"])


async def test_9_an_item_at_the_end_is_the_next_ones(away: World, at: datetime) -> None:
    """What arrives in the instant of the end opens the next batch, also when nobody has closed."""
    await publish(away, seconds=600)
    first = await item(away.at(at), 1)
    end = away.at(at + timedelta(seconds=600))
    late = await item(end, 2)

    early, later = await batches(away)
    assert (early["total_activities"], early["closed_at"]) == (1, at + timedelta(seconds=600))
    assert (later["closed_at"], str(later["carrier_run_id"])) == (None, late)
    assert await close(end, early)
    assert "1: 1" in await told(end, first)


async def test_9_items_beside_a_close_are_in_one_batch_each(away: World, at: datetime) -> None:
    """Items that arrive while a window is being closed are in it or in the next, and in one."""
    await publish(away, seconds=600)
    await item(away.at(at), 0)
    runs = [await away.begin(KEY, data={"n": n}) for n in range(1, 21)]
    (batch,) = await batches(away)

    async def bring(run_id: str) -> None:
        await away.walk(run_id)

    closing = close_early(away.engine, away.environment.id, batch["id"])
    await asyncio.gather(*map(bring, runs[:10]), closing, *map(bring, runs[10:]))

    rows = await away.make.rows(
        "SELECT batch_id, recipient_run_id FROM batch_items WHERE environment_id = %s",
        away.environment.id,
    )
    assert len(rows) == len({row["recipient_run_id"] for row in rows}) == 21
    inside = Counter(row["batch_id"] for row in rows)
    for one in await batches(away):
        assert inside[one["id"]] == one["item_count"]
        assert one["total_activities"] in (None, one["item_count"])


async def test_11_full_and_over_close_once(away: World, at: datetime) -> None:
    """A window that is full as its time comes closes once, and its carrier is told once."""
    await publish(away, seconds=600, batch_items_max_limit=2)
    await item(away.at(at), 1)
    (batch,) = await batches(away)
    second = await away.begin(KEY, data={"n": 2})
    over = away.at(at + timedelta(seconds=600))
    await asyncio.gather(
        away.at(at + timedelta(seconds=599)).walk(second), close(over, batch), close(over, batch)
    )

    words = await away.make.rows(
        "SELECT payload FROM owed_effects WHERE environment_id = %s AND kind = 'wake_carrier'"
        " AND payload->>'batch_id' = %s",
        *(away.environment.id, str(batch["id"])),
    )
    assert len(words) == 1


async def test_a_burst_into_a_maximum_is_cut_into_full_batches(away: World) -> None:
    """Each batch closes exactly once, full; what is left over stays in an open one."""
    await publish(away, batch_items_max_limit=5)
    runs = [await away.begin(KEY, data={"n": n}) for n in range(23)]
    await asyncio.gather(*(away.walk(run_id) for run_id in runs))

    found = await batches(away)
    assert sorted(row["item_count"] for row in found) == [3, 5, 5, 5, 5]
    assert [row["item_count"] for row in found if row["closed_at"] is None] == [3]


async def test_12_an_item_before_the_end_moves_it(away: World, at: datetime) -> None:
    """A look at a window whose end has moved closes nothing, and answers the new end."""
    await publish(
        away,
        seconds=60,
        batch_window_type="sliding",
        batch_window_extension_limit={"unit": "seconds", "value": 90},
    )
    await item(away.at(at), 1)
    await item(away.at(at + timedelta(seconds=30)), 2)
    (batch,) = await batches(away)

    assert batch["closes_at"] == at + timedelta(seconds=90)
    assert not await close(away.at(at + timedelta(seconds=60)), batch)
    assert await close(away.at(at + timedelta(seconds=90)), batch)


async def test_a_moved_end_is_told_only_when_it_is_earlier(away: World, at: datetime) -> None:
    """Items that extend a window cost Temporal nothing; one that shortens it tells the watch."""
    await publish(
        away,
        seconds=100,
        batch_window_type="sliding",
        batch_window_extension_limit={"unit": "seconds", "value": 50},
    )
    await item(away.at(at), 1)
    await item(away.at(at + timedelta(seconds=1)), 2)
    await item(away.at(at + timedelta(seconds=2)), 3)

    words = await away.make.rows(
        "SELECT (payload->>'closes_at')::float AS at FROM owed_effects"
        " WHERE environment_id = %s AND kind = 'watch_window' ORDER BY id",
        away.environment.id,
    )
    assert [row["at"] - at.timestamp() for row in words] == pytest.approx([100, 50])


async def test_10_a_cancelled_item_leaves_an_open_batch(away: World) -> None:
    """A cancel takes one item out; the others stay, and the window does not close."""
    await publish(away)
    first = await item(away, 1)
    await item(away, 2, cancellation_key="two")
    await item(away, 3)
    await away.cancel(KEY, "two")

    (batch,) = await batches(away)
    assert (batch["item_count"], batch["closed_at"]) == (2, None)
    await close_early(away.engine, away.environment.id, batch["id"])
    assert "2: 1 3" in await told(away, first)


async def test_10_a_cancelled_item_of_a_closed_batch_stays(away: World) -> None:
    """Once the window has closed only the carrier can be cancelled, and that ends the run."""
    await publish(away)
    first = await item(away, 1, cancellation_key="one")
    await item(away, 2, cancellation_key="two")
    (batch,) = await batches(away)
    await close_early(away.engine, away.environment.id, batch["id"])
    await away.cancel(KEY, "two")
    (closed,) = await batches(away)
    assert closed["item_count"] == 2
    await away.cancel(KEY, "one")
    assert (await away.run(first))["status"] == "cancelled"


async def test_the_carrier_waits_on_when_its_own_item_is_cancelled(away: World) -> None:
    """The window lives on; at its end the run goes on with what others have put in."""
    await publish(away)
    first = await item(away, 1, cancellation_key="one")
    await item(away, 2)
    await away.cancel(KEY, "one")
    assert (await away.run(first))["status"] == "paused"
    (batch,) = await batches(away)
    await close_early(away.engine, away.environment.id, batch["id"])

    assert "1: 2" in await told(away, first)
    (message,) = await away.messages(first)
    assert message["data"] == {"n": 2}


async def test_a_batch_without_items_makes_no_message(away: World) -> None:
    """When all items were cancelled, the run ends at the close without an error."""
    await publish(away)
    first = await item(away, 1, cancellation_key="one")
    await away.cancel(KEY, "one")
    (batch,) = await batches(away)
    await close_early(away.engine, away.environment.id, batch["id"])
    await away.walk(first, "batch_1/resume")

    run = await away.run(first)
    assert (run["status"], run["end_reason"], run["error_count"]) == ("completed", "batch_empty", 0)
    assert await away.messages(first) == []


async def test_6_a_cancel_beside_a_walk_takes_its_item(away: World) -> None:
    """Whether a cancel comes before, in the middle of or after a walk, the item is in no batch."""
    await publish(away)
    await item(away, 0)
    runs = [await away.begin(KEY, data={"n": n}, cancellation_key="all") for n in range(1, 11)]
    await asyncio.gather(
        *(away.walk(run_id) for run_id in runs[:5]),
        away.cancel(KEY, "all"),
        *(away.walk(run_id) for run_id in runs[5:]),
    )

    (batch,) = await batches(away)
    assert batch["item_count"] == 1


async def test_a_cancel_for_one_recipient_leaves_the_others(away: World) -> None:
    """A cancel that names recipients takes items out of their batches only."""
    await publish(away)
    for person in ("ann", "bob"):
        await away.begin(KEY, {"id": person}, data={"n": 1}, cancellation_key="key")
    for run in await away.runs():
        await away.walk(run["id"])
    await away.cancel(KEY, "key", "ann")

    counts = {row["recipient_id"]: row["item_count"] for row in await batches(away)}
    assert counts == {"ann": 0, "bob": 1}


async def test_13_the_next_item_carries_on_for_a_missing_carrier(away: World) -> None:
    """When the carrier was ended from outside, the run of the next item waits in its place."""
    await publish(away)
    first = await item(away, 1)
    await away.walk(first, "batch_1/resume", cancel=True)
    second = await item(away, 2)
    (batch,) = await batches(away)
    assert str(batch["carrier_run_id"]) == second
    await close_early(away.engine, away.environment.id, batch["id"])

    assert "2: 1 2" in await told(away, second)


async def test_16_a_repeated_walk_brings_no_second_item(away: World) -> None:
    """A walk whose answer was lost answers the same, and changes nothing."""
    await publish(away)
    run_id = await away.begin(KEY, data={"n": 1})
    once, again = await away.walk(run_id), await away.walk(run_id)
    second = await item(away, 2)
    await away.walk(second)

    assert once.next == again.next
    (batch,) = await batches(away)
    assert batch["item_count"] == 2


async def test_a_repeated_resume_makes_no_second_message(away: World) -> None:
    """A run that has gone on with its batch makes its message once."""
    await publish(away)
    first = await item(away, 1)
    (batch,) = await batches(away)
    await close_early(away.engine, away.environment.id, batch["id"])
    before = await told(away, first)

    assert await told(away, first) == before


async def test_a_word_too_early_lets_the_run_wait_on(away: World) -> None:
    """A carrier that is woken before its batch has closed waits on for the same batch."""
    await publish(away)
    run_id = await away.begin(KEY, data={"n": 1})
    first = await away.walk(run_id)
    early = await away.walk(run_id, first.cursor)

    assert isinstance(early.next, AwaitBatch)
    assert (early.cursor, early.next) == (first.cursor, first.next)


async def test_what_belongs_together(away: World) -> None:
    """Another key, another recipient, or sandbox mode makes a batch of its own."""
    await publish(away, batch_key="page")
    for page in ("A", "B", "A", "B", "A", "B"):
        await away.begin(KEY, data={"page": page})
    await away.begin(KEY, {"id": "bob"}, data={"page": "A"})
    await away.begin(KEY, data={"page": "A"}, settings={"sandbox_mode": True})
    for run in await away.runs():
        await away.walk(run["id"])

    found = [
        (row["recipient_id"], row["batch_key"], row["item_count"]) for row in await batches(away)
    ]
    assert sorted(found) == [
        ("bob", "A", 1),
        ("ellie", "A", 1),
        ("ellie", "A", 3),
        ("ellie", "B", 3),
    ]


async def test_left_over_windows_are_closed_and_carriers_woken(away: World, at: datetime) -> None:
    """The sweep closes what Temporal has not closed, and again says what was not heard."""
    await publish(away, seconds=600)
    await item(away.at(at), 1)
    later = away.at(at + timedelta(seconds=700))
    assert await close_left_over_windows(later.engine) >= 1
    (batch,) = await batches(away)

    assert batch["closed_at"] == at + timedelta(seconds=700)
    assert batch["resumed_at"] is None
