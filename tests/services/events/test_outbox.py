"""Readers are handed every event once and in order, whoever is slow and whoever dies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import cast
from uuid import UUID, uuid4

import psycopg
import pytest
from temporalio.client import Client

from commands.embedded.postgres import EmbeddedPostgres
from domain.events.outbox import OutboxRow, Subscription
from domain.kit.clock import utc_now
from domain.kit.errors import Unavailable
from domain.messages.engagement import Engagement
from runtime.database import Connection, Database
from runtime.settings import Settings
from runtime.vault import Vault
from services.composition import compose_engine
from services.engine import Engine, Unit
from services.events import outbox
from services.jobs.expired import forget_expired
from services.messages.messages import StatusChange, engage_many
from tests.support.outbox import Listener, listening
from tests.support.postgres import new_database
from tests.support.steps import channel_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, another_process

_WRITE = """
INSERT INTO outbox (environment_id, event_type, workflow_key, collection, recipient_id, happened_at)
VALUES (%s, 'message.read', %s, '$users', 'ellie', %s)
"""


async def _write(connection: Connection, environment_id: UUID, name: str) -> None:
    """Write a row, told apart by a name, as the statements of the product do."""
    await connection.execute(_WRITE, (environment_id, name, utc_now()))


def _names(rows: Sequence[OutboxRow]) -> list[str]:
    return [row.workflow_key for row in rows]


async def _happen(engine: Engine, environment_id: UUID, *names: str) -> None:
    async with engine.database.transaction() as connection:
        for name in names:
            await _write(connection, environment_id, name)


async def test_handed_over_once_and_in_order(world: World, listener: Listener) -> None:
    """What was handed over is not handed over again, however few are taken at a time."""
    names = [f"{number:02}" for number in range(25)]
    await _happen(world.engine, world.environment.id, *names)
    await listener.listen(limit=7)
    assert _names(listener.heard) == names
    assert await listener.listen() == []


async def test_readers_do_not_mind_each_other(world: World, listener: Listener) -> None:
    """Each reader has a position of its own, and hears all that it asked for."""
    async with listening(world.engine, world.environment.id) as other:
        await _happen(world.engine, world.environment.id, "first")
        await listener.listen()
        await _happen(world.engine, world.environment.id, "second")
        await other.listen()
        await listener.listen()
    assert _names(listener.heard) == _names(other.heard) == ["first", "second"]


async def test_handler_that_fails(world: World, listener: Listener) -> None:
    """What a handler wrote before it failed is undone, and it gets the same rows again."""
    await _happen(world.engine, world.environment.id, "a", "b")
    seen: list[list[str]] = []

    async def handle(unit: Unit, rows: Sequence[OutboxRow]) -> None:
        seen.append(_names(rows))
        await _write(unit.connection, world.environment.id, "followed")
        if len(seen) == 1:
            raise LookupError("a fault")

    with pytest.raises(LookupError):
        await outbox.hand_over(world.engine, listener.name, handle)
    await outbox.hand_over(world.engine, listener.name, handle)
    assert seen == [["a", "b"], ["a", "b"]]
    await listener.listen()
    assert _names(listener.heard) == ["followed"]


async def test_process_that_dies_before_the_commit(world: World, listener: Listener) -> None:
    """Rows of a process that died between taking and committing go to the next that asks."""
    await _happen(world.engine, world.environment.id, "a")
    taken = asyncio.Event()

    async def die(unit: Unit, rows: Sequence[OutboxRow]) -> None:
        cursor = await unit.connection.execute("SELECT pg_backend_pid() AS pid")
        row = await cursor.fetchone()
        assert row is not None
        taken.set()
        await world.make.rows("SELECT pg_terminate_backend(%s)", row["pid"])
        await unit.connection.execute("SELECT 1")

    with pytest.raises(Unavailable):
        await outbox.hand_over(world.engine, listener.name, die)
    assert taken.is_set()
    await listener.listen()
    assert _names(listener.heard) == ["a"]


async def test_what_follows_outside_comes_after_the_commit(
    world: World, listener: Listener
) -> None:
    """Effects of a hand-over happen once it is committed, and not when it is undone."""
    await _happen(world.engine, world.environment.id, "a")
    turns: list[str] = []
    done: list[str] = []

    async def handle(unit: Unit, rows: Sequence[OutboxRow]) -> None:
        async def follow() -> None:
            done.extend(_names(rows))

        unit.after(follow)
        turns.append("taken")
        if len(turns) == 1:
            raise LookupError

    with pytest.raises(LookupError):
        await outbox.hand_over(world.engine, listener.name, handle)
    assert done == []
    await outbox.hand_over(world.engine, listener.name, handle)
    assert done == ["a"]


async def test_two_processes_of_one_reader(world: World, listener: Listener) -> None:
    """While one process has the rows of a reader, another gets none of them."""
    await _happen(world.engine, world.environment.id, "a")
    taken, go_on = asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def slowly(unit: Unit, rows: Sequence[OutboxRow]) -> None:
        seen.extend(_names(rows))
        taken.set()
        await go_on.wait()

    first = asyncio.create_task(outbox.hand_over(world.engine, listener.name, slowly))
    await taken.wait()
    other = another_process(world.engine)
    assert not await outbox.hand_over(other, listener.name, slowly)
    go_on.set()
    await first
    assert seen == ["a"]
    await listener.listen()
    assert listener.heard == []


async def test_rows_of_a_slow_transaction_are_not_skipped(world: World, listener: Listener) -> None:
    """A row that is drawn first and committed last is waited for, and comes first."""
    environment_id = world.environment.id
    async with world.engine.database.transaction() as slow:
        await _write(slow, environment_id, "slow")
        await _happen(world.engine, environment_id, "quick")
        listening_now = asyncio.create_task(listener.listen())
        await _happen(world.engine, environment_id, "later")
        done, _ = await asyncio.wait([listening_now], timeout=0.3)
        assert not done
        assert listener.heard == []
    await listening_now
    await listener.listen()
    assert _names(listener.heard) == ["slow", "quick", "later"]


async def test_transaction_that_is_undone_holds_nobody_up(world: World, listener: Listener) -> None:
    """A row that was drawn and never committed leaves a gap, which is passed."""
    environment_id = world.environment.id
    async with world.engine.database.transaction() as undone:
        await _write(undone, environment_id, "undone")
        await _happen(world.engine, environment_id, "quick")
        raise psycopg.Rollback
    await listener.listen()
    assert _names(listener.heard) == ["quick"]


async def test_transaction_that_stays_open(
    world: World, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a writer stays open for too long nothing is handed over, and nothing is lost."""
    monkeypatch.setattr(outbox, "_WRITERS_SECONDS", 0.1)
    environment_id = world.environment.id
    async with world.engine.database.transaction() as slow:
        await _write(slow, environment_id, "slow")
        await _happen(world.engine, environment_id, "quick")
        assert await listener.listen() == []
    await listener.listen()
    assert _names(listener.heard) == ["slow", "quick"]


async def test_transactions_that_begin_later_hold_nobody_up(
    world: World, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hand-over waits for writers of the time when it looked, not for those that come after."""
    environment_id = world.environment.id
    looked, writers = asyncio.Event(), outbox.statements.writers

    async def noted(connection: Connection) -> frozenset[str]:
        found = await writers(connection)
        looked.set()
        return found

    monkeypatch.setattr(outbox.statements, "writers", noted)
    async with asyncio.TaskGroup() as group:
        async with world.engine.database.transaction() as slow:
            await _write(slow, environment_id, "slow")
            await _happen(world.engine, environment_id, "quick")
            listening_now = group.create_task(
                outbox.hand_over(world.engine, listener.name, listener.hear)
            )
            await looked.wait()
            later = world.engine.database.transaction()
            connection = await later.__aenter__()
            await _write(connection, environment_id, "later")
        assert not await listening_now
        assert _names(listener.heard) == ["slow", "quick"]
        await later.__aexit__(None, None, None)


async def _write_a_lot(engine: Engine, environment_id: UUID, writer: int) -> list[str]:
    """Write in twenty transactions, some of which fail; returns what was committed."""
    committed = []
    for turn in range(20):
        names = [f"{writer}-{turn}-{number}" for number in range(random.randint(1, 3))]
        fails = random.random() < 0.2
        async with engine.database.transaction() as connection:
            for name in names:
                await _write(connection, environment_id, name)
                await asyncio.sleep(random.random() * 0.01)
            if fails:
                raise psycopg.Rollback
        committed.extend([] if fails else names)
    return committed


async def test_storm(world: World, listener: Listener) -> None:
    """Of many writers that commit and fail at random, all that was committed comes once, in order.

    Two processes ask for it while they write.
    """
    is_over = asyncio.Event()

    async def listen(engine: Engine) -> None:
        while not is_over.is_set():
            await outbox.hand_over(engine, listener.name, listener.hear, limit=5)
            await asyncio.sleep(0.002)

    processes = world.engine, another_process(world.engine)
    listening_now = [asyncio.create_task(listen(engine)) for engine in processes]
    written = await asyncio.gather(
        *(_write_a_lot(world.engine, world.environment.id, writer) for writer in range(6))
    )
    is_over.set()
    await asyncio.gather(*listening_now)
    await listener.listen()
    heard = _names(listener.heard)
    assert sorted(heard) == sorted(name for of_writer in written for name in of_writer)
    ids = [row.id for row in listener.heard]
    assert ids == sorted(ids)
    for writer, names in enumerate(written):
        assert [name for name in heard if name.startswith(f"{writer}-")] == names


async def test_events_of_one_message_keep_their_order(world: World, listener: Listener) -> None:
    """Marks that meet at one message are handed over in the order in which they took effect."""
    run_id, _ = await world.send(channel_step("feed"))
    ids = [(await world.messages(run_id))[0]["id"]]
    await listener.listen()

    async def flip(action: Engagement) -> None:
        for _ in range(15):
            scope = world.environment.scope
            await engage_many(world.engine, scope, ids, ids, StatusChange(action))

    async with asyncio.TaskGroup() as group:
        for action in (Engagement.READ, Engagement.UNREAD) * 3:
            group.create_task(flip(action))
    told = await listener.listen()
    assert told[::2] == ["message.read"] * len(told[::2])
    assert told[1::2] == ["message.unread"] * len(told[1::2])


async def test_subscribing_begins_now(world: World) -> None:
    """A reader hears of what happens after it has subscribed, and not of what others kept."""
    environment_id = world.environment.id
    async with listening(world.engine, environment_id) as first:
        await _happen(world.engine, environment_id, "before")
        async with listening(world.engine, environment_id) as second:
            await _happen(world.engine, environment_id, "after")
            await second.listen()
            await first.listen()
    assert _names(second.heard) == ["after"]
    assert _names(first.heard) == ["before", "after"]


async def test_another_environment_later(world: World, listener: Listener) -> None:
    """A reader that subscribes in one more environment hears nothing of what was before."""
    other = await world.make.environment()
    async with listening(world.engine, other.id):
        await _happen(world.engine, other.id, "before")
        await listener.subscribe(other.id)
        await _happen(world.engine, other.id, "after")
        await listener.listen()
        await listener.unsubscribe(other.id)
    assert _names(listener.heard) == ["after"]


async def test_subscribing_again_changes_what_is_heard(world: World, listener: Listener) -> None:
    """A reader that asks for other events goes on where it is, and hears of these."""
    await _happen(world.engine, world.environment.id, "a")
    await listener.subscribe(world.environment.id, "run_completed", "message.read")
    await world.send(channel_step("feed"))
    assert await listener.listen() == ["message.read", "run_completed"]


async def test_without_subscriptions_a_reader_is_not_known(world: World) -> None:
    """A reader that wants nothing more is deleted, and asking for rows says so."""
    async with listening(world.engine, world.environment.id) as one:
        pass
    assert await one.state() is None
    with pytest.raises(outbox.UnknownReader):
        await one.listen()


async def test_subscription_that_is_undone(world: World) -> None:
    """A subscription belongs to its unit: without the commit nobody has subscribed."""
    wanted = Subscription("undone", frozenset({"message.read"}))
    async with world.engine.unit() as unit:
        await outbox.subscribe(unit, world.environment.id, wanted)
        raise psycopg.Rollback
    with pytest.raises(outbox.UnknownReader):
        await Listener(world.engine, "undone").listen()


@asynccontextmanager
async def _house(postgres: EmbeddedPostgres) -> AsyncIterator[Engine]:
    """Open an engine on a database whose outbox nobody else reads."""
    settings = Settings(database_url=new_database(postgres), database_pool_size=4)
    database = Database(settings.database_url, size=4)
    await database.open()
    yield compose_engine(settings, database, cast(Client, TemporalRecorder()), Vault(["k" * 16]))
    await database.close()


async def _left(engine: Engine) -> list[str]:
    async with engine.connection() as connection:
        cursor = await connection.execute("SELECT workflow_key FROM outbox ORDER BY id")
        return [row["workflow_key"] for row in await cursor.fetchall()]


async def test_what_all_have_passed_is_deleted(postgres: EmbeddedPostgres) -> None:
    """The sweep keeps what one reader has still to come to, and nothing else."""
    environment_id = uuid4()
    async with _house(postgres) as engine:
        await _happen(engine, environment_id, "for nobody")
        assert await forget_expired(engine) == 1
        async with (
            listening(engine, environment_id) as quick,
            listening(engine, environment_id) as slow,
        ):
            await _happen(engine, environment_id, "a", "b")
            await quick.listen()
            await forget_expired(engine)
            assert await _left(engine) == ["a", "b"]
            await slow.listen()
            await _happen(engine, environment_id, "c")
            await forget_expired(engine)
            assert await _left(engine) == ["c"]
            await slow.listen()
            assert _names(slow.heard) == ["a", "b", "c"]


async def test_reader_that_never_comes_is_forgotten(postgres: EmbeddedPostgres) -> None:
    """A reader that is behind for longer than its patience costs nothing any more."""
    environment_id = uuid4()
    async with _house(postgres) as engine:
        gone, alive = Listener(engine), Listener(engine)
        await gone.subscribe(environment_id)
        await alive.subscribe(environment_id)
        await _happen(engine, environment_id, "a")
        await alive.listen()
        state = await gone.state()
        assert state is not None
        assert state.behind_since is not None
        in_a_week = another_process(engine, clock=lambda: utc_now() + timedelta(days=7))
        await forget_expired(in_a_week)
        assert await _left(engine) == []
        assert await gone.state() is None
        with pytest.raises(outbox.UnknownReader):
            await gone.listen()
        assert await alive.state() is not None
        await gone.subscribe(environment_id)
        await _happen(engine, environment_id, "b")
        assert len(await gone.listen()) == 1
