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
from structlog.testing import capture_logs

from domain.contract.runs import AwaitBatch
from domain.contract.timers import BatchWindowInput
from domain.triggers.requests import REHEARSAL
from services.batches import windows
from services.batches.windows import close_early, close_left_over_windows, close_window
from services.triggers.expansions import expand
from temporal_workflows.signals import BATCH_CLOSED
from tests.support.subscribers import follow, make_object, project
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, batch_step, channel_step

KEY = "gather"
SHOWN = {
    "markdown_body": "{{ total_activities }}:"
    "{% for activity in activities %} {{ activity.n }}{% endfor %}"
}


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


async def test_the_first_item_carries_the_batch(world: World) -> None:
    """The run that opens a batch waits for its end; runs of later items end as batched."""
    await publish(world)
    first = await world.begin(KEY, data={"n": 1})
    advanced = await world.walk(first)
    second = await item(world, 2)

    assert isinstance(advanced.next, AwaitBatch)
    assert advanced.cursor == "batch_1/resume"
    assert (await world.run(first))["status"] == "paused"
    ended = await world.run(second)
    assert (ended["status"], ended["end_reason"]) == ("completed", "batched")
    (batch,) = await batches(world)
    joined = next(row for row in await world.events(second) if row["event"] == "batch_joined")
    assert joined["data"]["carrier_run_id"] == first == str(batch["carrier_run_id"])


async def test_twenty_that_open_at_once_open_one(world: World) -> None:
    """Of runs that find no batch open one opens it, and all others join that one."""
    await publish(world)
    runs = [await world.begin(KEY, data={"n": n}) for n in range(20)]
    await asyncio.gather(*(world.walk(run_id) for run_id in runs))

    (batch,) = await batches(world)
    assert batch["item_count"] == 20
    statuses = Counter([(await world.run(run_id))["status"] for run_id in runs])
    assert statuses == {"paused": 1, "completed": 19}


async def test_items_keep_their_order(world: World) -> None:
    """Items are in the order of their triggers, in whatever order their runs came to the step."""
    await publish(world)
    runs = [await world.begin(KEY, data={"n": n}) for n in range(6)]
    for run_id in reversed(runs):
        await world.walk(run_id)
    (batch,) = await batches(world)
    assert await close_early(world.engine, world.environment.id, batch["id"])

    assert "6: 0 1 2 3 4 5" in await told(world, batch["carrier_run_id"])


async def test_9_an_item_at_the_end_is_the_next_ones(world: World, at: datetime) -> None:
    """What arrives in the instant of the end opens the next batch, also when nobody has closed."""
    await publish(world, seconds=600)
    first = await item(world.at(at), 1)
    end = world.at(at + timedelta(seconds=600))
    late = await item(end, 2)

    early, later = await batches(world)
    assert (early["total_activities"], early["closed_at"]) == (1, at + timedelta(seconds=600))
    assert (later["closed_at"], str(later["carrier_run_id"])) == (None, late)
    assert await close(end, early)
    assert "1: 1" in await told(end, first)


async def test_9_items_beside_a_close_are_in_one_batch_each(world: World, at: datetime) -> None:
    """Items that arrive while a window is being closed are in it or in the next, and in one."""
    await publish(world, seconds=600)
    await item(world.at(at), 0)
    runs = [await world.begin(KEY, data={"n": n}) for n in range(1, 21)]
    (batch,) = await batches(world)

    async def bring(run_id: str) -> None:
        await world.walk(run_id)

    closing = close_early(world.engine, world.environment.id, batch["id"])
    await asyncio.gather(*map(bring, runs[:10]), closing, *map(bring, runs[10:]))

    rows = await world.make.rows(
        "SELECT batch_id, recipient_run_id FROM batch_items WHERE environment_id = %s",
        world.environment.id,
    )
    assert len(rows) == len({row["recipient_run_id"] for row in rows}) == 21
    inside = Counter(row["batch_id"] for row in rows)
    for one in await batches(world):
        assert inside[one["id"]] == one["item_count"]
        assert one["total_activities"] in (None, one["item_count"])


async def test_11_full_and_over_close_once(
    world: World, temporal: TemporalRecorder, at: datetime
) -> None:
    """A window that is full as its time comes closes once, and its carrier is told once."""
    await publish(world, seconds=600, batch_items_max_limit=2)
    await item(world.at(at), 1)
    (batch,) = await batches(world)
    second = await world.begin(KEY, data={"n": 2})
    over = world.at(at + timedelta(seconds=600))
    await asyncio.gather(
        world.at(at + timedelta(seconds=599)).walk(second), close(over, batch), close(over, batch)
    )

    words = [args for _, signal, args in temporal.signals if signal == BATCH_CLOSED]
    assert words == [(str(batch["id"]),)]


async def test_a_burst_into_a_maximum_is_cut_into_full_batches(world: World) -> None:
    """Each batch closes exactly once, full; what is left over stays in an open one."""
    await publish(world, batch_items_max_limit=5)
    runs = [await world.begin(KEY, data={"n": n}) for n in range(23)]
    await asyncio.gather(*(world.walk(run_id) for run_id in runs))

    found = await batches(world)
    assert sorted(row["item_count"] for row in found) == [3, 5, 5, 5, 5]
    assert [row["item_count"] for row in found if row["closed_at"] is None] == [3]


async def test_12_an_item_before_the_end_moves_it(world: World, at: datetime) -> None:
    """A look at a window whose end has moved closes nothing, and answers the new end."""
    await publish(
        world,
        seconds=60,
        batch_window_type="sliding",
        batch_window_extension_limit={"unit": "seconds", "value": 90},
    )
    await item(world.at(at), 1)
    await item(world.at(at + timedelta(seconds=30)), 2)
    (batch,) = await batches(world)

    assert batch["closes_at"] == at + timedelta(seconds=90)
    assert not await close(world.at(at + timedelta(seconds=60)), batch)
    assert await close(world.at(at + timedelta(seconds=90)), batch)


async def test_a_moved_end_is_told_only_when_it_is_earlier(
    world: World, temporal: TemporalRecorder, at: datetime
) -> None:
    """Items that extend a window cost Temporal nothing; one that shortens it tells the watch."""
    await publish(
        world,
        seconds=100,
        batch_window_type="sliding",
        batch_window_extension_limit={"unit": "seconds", "value": 50},
    )
    await item(world.at(at), 1)
    await item(world.at(at + timedelta(seconds=1)), 2)
    await item(world.at(at + timedelta(seconds=2)), 3)

    ends = [
        options["start_signal_args"][0]
        for _, _, options in temporal.starts
        if "start_signal" in options
    ]
    assert [end - at.timestamp() for end in ends] == pytest.approx([100, 50])


async def test_10_a_cancelled_item_leaves_an_open_batch(world: World) -> None:
    """A cancel takes one item out; the others stay, and the window does not close."""
    await publish(world)
    first = await item(world, 1)
    await item(world, 2, cancellation_key="two")
    await item(world, 3)
    await world.cancel(KEY, "two")

    (batch,) = await batches(world)
    assert (batch["item_count"], batch["closed_at"]) == (2, None)
    await close_early(world.engine, world.environment.id, batch["id"])
    assert "2: 1 3" in await told(world, first)


async def test_10_a_cancelled_item_of_a_closed_batch_stays(world: World) -> None:
    """Once the window has closed only the carrier can be cancelled, and that ends the run."""
    await publish(world)
    first = await item(world, 1, cancellation_key="one")
    await item(world, 2, cancellation_key="two")
    (batch,) = await batches(world)
    await close_early(world.engine, world.environment.id, batch["id"])
    await world.cancel(KEY, "two")
    (closed,) = await batches(world)
    assert closed["item_count"] == 2
    await world.cancel(KEY, "one")
    assert (await world.run(first))["status"] == "cancelled"


async def test_the_carrier_waits_on_when_its_own_item_is_cancelled(world: World) -> None:
    """The window lives on; at its end the run goes on with what others have put in."""
    await publish(world)
    first = await item(world, 1, cancellation_key="one")
    await item(world, 2)
    await world.cancel(KEY, "one")
    assert (await world.run(first))["status"] == "paused"
    (batch,) = await batches(world)
    await close_early(world.engine, world.environment.id, batch["id"])

    assert "1: 2" in await told(world, first)
    (message,) = await world.messages(first)
    assert message["data"] == {"n": 2}


async def test_a_batch_without_items_makes_no_message(world: World) -> None:
    """When all items were cancelled, the run ends at the close without an error."""
    await publish(world)
    first = await item(world, 1, cancellation_key="one")
    await world.cancel(KEY, "one")
    (batch,) = await batches(world)
    await close_early(world.engine, world.environment.id, batch["id"])
    await world.walk(first, "batch_1/resume")

    run = await world.run(first)
    assert (run["status"], run["end_reason"], run["error_count"]) == ("completed", "batch_empty", 0)
    assert await world.messages(first) == []


async def test_6_a_cancel_beside_a_walk_takes_its_item(world: World) -> None:
    """Whether a cancel comes before, in the middle of or after a walk, the item is in no batch."""
    await publish(world)
    await item(world, 0)
    runs = [await world.begin(KEY, data={"n": n}, cancellation_key="all") for n in range(1, 11)]
    await asyncio.gather(
        *(world.walk(run_id) for run_id in runs[:5]),
        world.cancel(KEY, "all"),
        *(world.walk(run_id) for run_id in runs[5:]),
    )

    (batch,) = await batches(world)
    assert batch["item_count"] == 1


async def test_a_cancel_for_one_recipient_leaves_the_others(world: World) -> None:
    """A cancel that names recipients takes items out of their batches only."""
    await publish(world)
    for person in ("ann", "bob"):
        await world.begin(KEY, {"id": person}, data={"n": 1}, cancellation_key="key")
    for run in await world.runs():
        await world.walk(run["id"])
    await world.cancel(KEY, "key", "ann")

    counts = {row["recipient_id"]: row["item_count"] for row in await batches(world)}
    assert counts == {"ann": 0, "bob": 1}


async def test_13_the_next_item_carries_on_for_a_missing_carrier(world: World) -> None:
    """When the carrier was ended from outside, the run of the next item waits in its place."""
    await publish(world)
    first = await item(world, 1)
    await world.walk(first, "batch_1/resume", cancel=True)
    second = await item(world, 2)
    (batch,) = await batches(world)
    assert str(batch["carrier_run_id"]) == second
    await close_early(world.engine, world.environment.id, batch["id"])

    assert "2: 1 2" in await told(world, second)


async def test_13_another_run_takes_over_when_no_item_comes(
    world: World, temporal: TemporalRecorder, at: datetime
) -> None:
    """When the carrier was ended from outside and nobody joins, a run is made for the others."""
    update = {"type": "update_data", "ref": "u", "settings": {"data": '{"seen": "{{ n }}"}'}}
    await world.publish(KEY, update, batch_step(), channel_step("feed", template=SHOWN))
    first, second, third = [await item(world.at(at), number) for number in (1, 2, 3)]
    await world.walk(first, "batch_1/resume", cancel=True)
    (batch,) = await batches(world)
    later = world.at(at + timedelta(seconds=700))
    await close_early(world.engine, world.environment.id, batch["id"])
    before = len(temporal.starts)
    for _ in range(2):
        await close_left_over_windows(later.engine)

    (batch,) = await batches(world)
    heir = str(batch["carrier_run_id"])
    assert heir not in {first, second, third}
    assert len(temporal.starts) == before + 1
    waits = await later.walk(heir)
    assert (str(waits.cursor), waits.next.kind) == ("batch_1/resume", "sleep_until")
    assert "3: 1 2 3" in await told(later, heir)
    run = await world.run(heir)
    assert run["workflow_run_id"] == (await world.run(second))["workflow_run_id"]
    assert [row["event"] for row in await world.events(heir)][:2] == [
        "run_started",
        "batch_taken_over",
    ]
    assert await world.messages(second) == []


async def test_13_who_takes_over_has_been_reached_the_same_way(world: World, at: datetime) -> None:
    """A run in another's place knows the subscription by which its recipient was reached."""
    template = {"markdown_body": "{{ recipient.subscription.role }}"}
    await world.publish(KEY, batch_step(), channel_step("feed", template=template))
    await make_object(world, project("p"))
    await follow(world, project("p"), "alan", role="editor")
    runs = []
    for _ in range(2):
        trigger = await world.at(at).trigger(KEY, project("p"))
        assert await expand(world.engine, world.environment.id, trigger)
        (run,) = [one for one in await world.runs(trigger) if one["recipient_id"] == "alan"]
        runs.append(str(run["id"]))
        await world.at(at).walk(runs[-1])
    await world.walk(runs[0], "batch_1/resume", cancel=True)
    (batch,) = await batches(world)
    later = world.at(at + timedelta(seconds=700))
    await close_early(world.engine, world.environment.id, batch["id"])
    await close_left_over_windows(later.engine)
    (batch,) = await batches(world)
    heir = str(batch["carrier_run_id"])
    assert heir not in runs
    assert "editor" in await told(later, heir)


async def test_13_who_takes_over_has_its_item_in_the_batch(world: World, at: datetime) -> None:
    """A run in another's place keeps what its item has carried, and who caused that."""
    template = {"markdown_body": "{{ actor.name }} {{ data.page.title }} {{ data.text | size }}"}
    await world.publish(KEY, batch_step(), channel_step("feed", template=template))
    runs = []
    for name in ("Ann", "Bob"):
        data = {"page": {"title": name}, "text": "x" * 300}
        person = {"id": name.lower(), "name": name}
        runs.append(await world.at(at).begin(KEY, actor=person, data=data))
        await world.at(at).walk(runs[-1])
    await world.walk(runs[0], "batch_1/resume", cancel=True)
    (batch,) = await batches(world)
    await close_early(world.engine, world.environment.id, batch["id"])
    later = world.at(at + timedelta(seconds=700))
    await close_left_over_windows(later.engine)
    (batch,) = await batches(world)

    assert "Bob Bob 256" in await told(later, batch["carrier_run_id"])


async def test_16_a_repeated_walk_brings_no_second_item(world: World) -> None:
    """A walk whose answer was lost answers the same, and changes nothing."""
    await publish(world)
    run_id = await world.begin(KEY, data={"n": 1})
    once, again = await world.walk(run_id), await world.walk(run_id)
    second = await item(world, 2)
    await world.walk(second)

    assert once.next == again.next
    (batch,) = await batches(world)
    assert batch["item_count"] == 2


async def test_a_repeated_resume_makes_no_second_message(world: World) -> None:
    """A run that has gone on with its batch makes its message once."""
    await publish(world)
    first = await item(world, 1)
    (batch,) = await batches(world)
    await close_early(world.engine, world.environment.id, batch["id"])
    before = await told(world, first)

    assert await told(world, first) == before


async def test_a_word_too_early_lets_the_run_wait_on(world: World) -> None:
    """A carrier that is woken before its batch has closed waits on for the same batch."""
    await publish(world)
    run_id = await world.begin(KEY, data={"n": 1})
    first = await world.walk(run_id)
    early = await world.walk(run_id, first.cursor)

    assert isinstance(early.next, AwaitBatch)
    assert (early.cursor, early.next) == (first.cursor, first.next)


async def test_what_belongs_together(world: World) -> None:
    """Another key, another recipient, sandbox mode or the test runner makes its own batch."""
    await publish(world, batch_key="page")
    for page in ("A", "B", "A", "B", "A", "B"):
        await world.begin(KEY, data={"page": page})
    await world.begin(KEY, {"id": "bob"}, data={"page": "A"})
    for _ in range(2):
        await world.begin(KEY, data={"page": "A"}, settings={"sandbox_mode": True})
        await world.begin(KEY, data={"page": "A"}, source=REHEARSAL)
    for run in await world.runs():
        await world.walk(run["id"])

    found = [
        (row["recipient_id"], row["batch_key"], row["item_count"]) for row in await batches(world)
    ]
    assert sorted(found) == [
        ("bob", "A", 1),
        ("ellie", "A", 2),
        ("ellie", "A", 2),
        ("ellie", "A", 3),
        ("ellie", "B", 3),
    ]


async def test_left_over_windows_are_closed_and_carriers_woken(world: World, at: datetime) -> None:
    """The sweep closes what Temporal has not closed, and again says what was not heard."""
    await publish(world, seconds=600)
    await item(world.at(at), 1)
    later = world.at(at + timedelta(seconds=700))
    assert await close_left_over_windows(later.engine) >= 1
    (batch,) = await batches(world)

    assert batch["closed_at"] == at + timedelta(seconds=700)
    assert batch["resumed_at"] is None


async def test_a_word_that_was_lost_is_said_again(
    world: World, temporal: TemporalRecorder, at: datetime
) -> None:
    """A carrier that has not gone on is woken by each sweep until it has."""
    await publish(world, seconds=600)
    first = await item(world.at(at), 1)
    (batch,) = await batches(world)
    await close(world.at(at + timedelta(seconds=600)), batch)
    temporal.signals.clear()
    later = world.at(at + timedelta(seconds=700))
    await close_left_over_windows(later.engine)
    word = (BATCH_CLOSED, (str(batch["id"]),))
    assert word in [(signal, args) for _, signal, args in temporal.signals]

    await told(world, first)
    temporal.signals.clear()
    await close_left_over_windows(later.engine)
    assert word not in [(signal, args) for _, signal, args in temporal.signals]


async def test_however_many_are_left_over(
    world: World, temporal: TemporalRecorder, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sweep comes to all windows and carriers: what it can do nothing about stays behind it."""
    monkeypatch.setattr(windows, "_PAGE_SIZE", 1)
    await publish(world, seconds=600)
    for number in range(3):
        run_id = await world.at(at).begin(KEY, {"id": f"user-{number}"}, data={"n": number})
        await world.at(at).walk(run_id)
    later = world.at(at + timedelta(seconds=700))
    await close_left_over_windows(later.engine)
    found = await batches(world)
    assert [batch["closed_at"] is not None for batch in found] == [True] * 3

    temporal.signals.clear()
    await close_left_over_windows(world.at(at + timedelta(seconds=800)).engine)
    words = [args for _, signal, args in temporal.signals if signal == BATCH_CLOSED]
    assert all((str(batch["id"]),) in words for batch in found)


@pytest.mark.parametrize("how", ["ended in Temporal", "cancelled"])
async def test_a_batch_whose_carrier_has_ended_is_given_up_once(
    world: World, at: datetime, how: str
) -> None:
    """When nobody is there to go on, the sweep looks no more; what nobody wanted is logged."""
    await publish(world, seconds=600)
    first = await item(world.at(at), 1, cancellation_key="one")
    if how == "ended in Temporal":
        await world.walk(first, "batch_1/resume", cancel=True)
    (batch,) = await batches(world)
    await close(world.at(at + timedelta(seconds=600)), batch)
    if how == "cancelled":
        await world.cancel(KEY, "one")
    later = world.at(at + timedelta(seconds=700))
    with capture_logs() as logs:
        await close_left_over_windows(later.engine)
    (given_up,) = await batches(world)

    assert given_up["resumed_at"] == at + timedelta(seconds=700)
    logged = [line for line in logs if line.get("batch_id") == str(batch["id"])]
    assert len(logged) == (how == "ended in Temporal")
