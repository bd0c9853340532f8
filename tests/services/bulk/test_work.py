"""How bulk operations are worked on: in chunks, each all or nothing, resumed where they ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.bulk.operations import BulkItem, OpenBulk, Stride
from domain.kit.errors import InvalidParams, NotFound, Unavailable, Unprocessable
from domain.kit.pages import PageRequest
from runtime.database import Connection, Database
from services.bulk import recipients, work
from services.bulk.accept import (
    BulkView,
    get_operation,
    list_open_operations,
    stop_operation,
)
from services.bulk.items import ItemKind
from services.bulk.kinds import KINDS
from services.bulk.work import UnknownBulkError, work_on_bulk
from services.engine import Unit
from tests.support.bulk import counts, finish, order_of, put_off
from tests.support.interruptions import InterruptedDatabase
from tests.support.world import World


async def _accept(world: World, *users: object) -> UUID:
    return await put_off(world.engine, world.environment, users)


def _users(count: int) -> list[dict[str, str]]:
    return [{"id": f"user-{number:04}", "name": f"Name {number}"} for number in range(count)]


async def _finish(world: World, operation_id: UUID) -> BulkView:
    return await finish(world.engine, world.environment, operation_id)


def _transactions(monkeypatch: pytest.MonkeyPatch) -> list[Database]:
    """Return a list that grows with each transaction that is begun from now on."""
    begun = []
    transaction = Database.transaction

    def counting(database: Database) -> AbstractAsyncContextManager[Connection]:
        begun.append(database)
        return transaction(database)

    monkeypatch.setattr(Database, "transaction", counting)
    return begun


async def _stored(world: World) -> dict[str, dict[str, object]]:
    rows = await world.make.rows(
        "SELECT id, properties FROM recipients WHERE environment_id = %s AND collection = '$users'",
        world.environment.id,
    )
    return {row["id"]: row["properties"] for row in rows}


async def _items(world: World, operation_id: UUID) -> list[dict[str, object]]:
    return await world.make.rows(
        "SELECT item_id, content, is_settled FROM bulk_items WHERE operation_id = %s"
        " ORDER BY number",
        operation_id,
    )


@pytest.fixture
def in_hundreds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on a hundred users at a time."""
    kind = KINDS[recipients.IDENTIFY_USERS]
    assert isinstance(kind, ItemKind)
    kinds = {**KINDS, recipients.IDENTIFY_USERS: replace(kind, chunk=100)}
    monkeypatch.setattr(work, "KINDS", kinds)


@pytest.mark.usefixtures("in_hundreds")
async def test_an_operation_is_worked_through(world: World) -> None:
    """All items are dealt with and counted, more than one chunk of them, and none is kept."""
    operation_id = await _accept(world, *_users(250))
    before = await get_operation(world.engine, world.environment.scope, operation_id)
    assert counts(before) == ("queued", 0, 0, 0)
    assert (before.operation.estimated_total_rows, before.operation.started_at) == (250, None)
    after = await _finish(world, operation_id)
    assert counts(after) == ("completed", 250, 250, 0)
    assert after.operation.started_at is not None
    assert after.operation.completed_at is not None
    assert (after.failures, await _items(world, operation_id)) == ([], [])
    assert (await _stored(world))["user-0249"] == {"name": "Name 249"}


@pytest.mark.usefixtures("in_hundreds")
async def test_a_chunk_is_one_transaction(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three chunks of a kind that needs nothing beforehand are three transactions."""
    operation_id = await _accept(world, *_users(250))
    begun = _transactions(monkeypatch)
    assert (
        await work_on_bulk(world.engine, order_of(world.environment, operation_id), turn=1)
    ).is_over
    assert len(begun) == 3


@pytest.mark.usefixtures("in_hundreds")
async def test_the_last_chunk_ends_the_operation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction more is needed to find that nothing is left, however full the last one was."""
    operation_id = await _accept(world, *_users(200))
    begun = _transactions(monkeypatch)
    assert counts(await _finish(world, operation_id)) == ("completed", 200, 200, 0)
    assert len(begun) == 2


async def test_an_operation_of_nothing_completes(world: World) -> None:
    """A request that holds nothing is over as soon as it is begun."""
    assert counts(await _finish(world, await _accept(world))) == ("completed", 0, 0, 0)


async def test_an_entry_that_cannot_be_read_fails_alone(world: World) -> None:
    """Entries that are not right are named in the operation with the reason; the others count."""
    operation_id = await _accept(
        world, {"id": "a"}, {"name": "nobody"}, {"id": "b", "name": 7}, 5, {"id": "c"}
    )
    after = await _finish(world, operation_id)
    assert counts(after) == ("completed", 5, 2, 3)
    assert [(one.id, one.reason) for one in after.failures] == [
        ("", "id: is required"),
        ("b", "name: must be a string"),
        ("", "entry: must be an object"),
    ]
    assert set(await _stored(world)) == {"a", "c"}


@pytest.mark.usefixtures("in_hundreds")
async def test_an_entry_that_is_refused_fails_alone(world: World) -> None:
    """What only the database can tell, such as that properties became too large, is found out."""
    large = {f"key{number}": "x" * 10_000 for number in range(20)}
    await _finish(world, await _accept(world, {"id": "user-0107", **large}))
    users = _users(210)
    users[107] |= {f"more{number}": "x" * 10_000 for number in range(20)}
    after = await _finish(world, await _accept(world, *users))
    assert counts(after) == ("completed", 210, 209, 1)
    assert [(one.id, one.reason) for one in after.failures] == [
        ("user-0107", "properties: custom properties exceed 256 kB in $users/user-0107")
    ]
    assert len(await _stored(world)) == 210


async def test_nothing_is_kept_of_what_failed_but_its_name(world: World) -> None:
    """The properties of somebody who could not be identified are not left behind."""
    operation_id = await _accept(world, {"id": "b", "name": 7, "email": "b@example.com"})
    await _finish(world, operation_id)
    assert await _items(world, operation_id) == [
        {"item_id": "b", "content": None, "is_settled": True}
    ]


async def test_the_last_mention_of_somebody_counts(world: World) -> None:
    """Who is named twice is stored once, as if the second had come after the first."""
    operation_id = await _accept(
        world, {"id": "a", "name": "A", "plan": "free"}, {"id": "a", "name": "B"}
    )
    assert counts(await _finish(world, operation_id)) == ("completed", 2, 2, 0)
    assert (await _stored(world))["a"] == {"name": "B", "plan": "free"}


@pytest.mark.usefixtures("in_hundreds")
async def test_work_goes_on_where_it_ended(world: World) -> None:
    """A turn whose time is over leaves the rest to the next, and what was counted stays so."""
    operation_id = await _accept(world, *_users(250))
    order = order_of(world.environment, operation_id)
    for processed in (100, 200):
        state = await work_on_bulk(world.engine, order, turn=1, seconds=0)
        assert not state.is_over
        view = await get_operation(world.engine, world.environment.scope, operation_id)
        assert counts(view) == ("processing", processed, processed, 0)
    assert counts(await _finish(world, operation_id)) == ("completed", 250, 250, 0)


async def test_an_ended_operation_is_left_alone(world: World) -> None:
    """Work that is begun anew, after its answer was lost, changes nothing."""
    operation_id = await _accept(world, *_users(3))
    first = await _finish(world, operation_id)
    assert await _finish(world, operation_id) == first


@pytest.mark.usefixtures("in_hundreds")
async def test_two_workers_share_an_operation(world: World) -> None:
    """Whoever was taken for dead and the one in its place never deal with an item twice."""
    operation_id = await _accept(world, *_users(400))
    order = order_of(world.environment, operation_id)
    await asyncio.gather(*(work_on_bulk(world.engine, order, turn=turn) for turn in range(4)))
    view = await get_operation(world.engine, world.environment.scope, operation_id)
    assert counts(view) == ("completed", 400, 400, 0)


@pytest.mark.usefixtures("in_hundreds")
@pytest.mark.parametrize("works", range(7))
async def test_a_database_that_goes_away_loses_nothing(world: World, works: int) -> None:
    """Whenever the database goes away, the same turn again ends with every item counted once."""
    operation_id = await _accept(world, *_users(350))
    order = order_of(world.environment, operation_id)
    database = InterruptedDatabase(world.engine.database, works=works, away=1)
    interrupted = world.with_parts(database=database).engine
    if works < 5:  # a look at the kind, and four chunks, each a transaction
        with pytest.raises(Unavailable):
            await work_on_bulk(interrupted, order, turn=1)
    assert (await work_on_bulk(interrupted, order, turn=2)).is_over
    view = await get_operation(world.engine, world.environment.scope, operation_id)
    assert counts(view) == ("completed", 350, 350, 0)


class _Kind:
    """A kind whose work raises for one of its items."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.calls = 0

    async def work(
        self, unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]
    ) -> Mapping[int, str]:
        self.calls += 1
        if any(item.content == {"id": "user-0033"} for item in items):
            raise self.error
        return {}


class _Lost(ItemKind):
    """A kind that does not find what comes next."""

    async def stride(self, *_arguments: Any) -> Stride:
        """Meet a fault of ours, whatever the items are."""
        raise ZeroDivisionError("secret")


def _put(monkeypatch: pytest.MonkeyPatch, kind: _Kind, of: type[ItemKind] = ItemKind) -> None:
    kinds = {**KINDS, recipients.IDENTIFY_USERS: of(kind.work)}
    monkeypatch.setattr(work, "KINDS", kinds)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidParams.of("email", "is wrong"), "email: is wrong"),
        (NotFound("It does not exist."), "It does not exist."),
    ],
)
async def test_a_refusal_is_told_in_its_words(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    """Of a hundred items the one that is refused is found in some steps, and only that fails."""
    kind = _Kind(error)
    _put(monkeypatch, kind)
    operation_id = await _accept(world, *({"id": one["id"]} for one in _users(100)))
    after = await _finish(world, operation_id)
    assert counts(after) == ("completed", 100, 99, 1)
    assert [(one.id, one.reason) for one in after.failures] == [("user-0033", reason)]
    assert kind.calls < 25


async def test_a_fault_of_ours_is_tried_again_and_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody expected ends the turn while it may pass, and in the end costs its item only."""
    _put(monkeypatch, _Kind(ZeroDivisionError("secret")))
    operation_id = await _accept(world, *({"id": one["id"]} for one in _users(100)))
    order = order_of(world.environment, operation_id)
    for turn in (1, 2, 3):
        with pytest.raises(ZeroDivisionError):
            await work_on_bulk(world.engine, order, turn=turn)
    assert (await work_on_bulk(world.engine, order, turn=4)).is_over
    after = await get_operation(world.engine, world.environment.scope, operation_id)
    assert counts(after) == ("completed", 100, 99, 1)
    assert after.failures[0].reason.startswith("internal error ")
    assert "secret" not in after.failures[0].reason


async def test_what_no_item_is_to_blame_for_is_seen_and_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that cannot even find what is next tells why, until it moves or is stopped."""
    scope = world.environment.scope
    operation_id = await _accept(world, *_users(2))
    order = order_of(world.environment, operation_id)
    with monkeypatch.context() as broken:
        _put(broken, _Kind(ZeroDivisionError()), of=_Lost)
        for turn in (1, 5):
            with pytest.raises(ZeroDivisionError):
                await work_on_bulk(world.engine, order, turn=turn)
    (held_up,) = (await list_open_operations(world.engine, scope, PageRequest())).rows
    assert (held_up.id, held_up.status) == (operation_id, "queued")
    assert str(held_up.fault).startswith("ZeroDivisionError ")
    # It goes on once the fault is mended, and forgets it.
    assert counts(await _finish(world, operation_id)) == ("completed", 2, 2, 0)
    after = await get_operation(world.engine, scope, operation_id)
    assert after.operation.fault is None
    assert (await list_open_operations(world.engine, scope, PageRequest())).rows == []
    with pytest.raises(Unprocessable):
        await stop_operation(world.engine, scope, operation_id)

    other = await _accept(world, *({"id": f"new-{number}"} for number in range(2)))
    assert counts(await stop_operation(world.engine, scope, other)) == ("failed", 0, 0, 0)
    assert counts(await _finish(world, other)) == ("failed", 0, 0, 0)
    assert await _items(world, other) == []
    assert set(await _stored(world)) == {"user-0000", "user-0001"}


async def test_an_unknown_kind_is_left_to_a_newer_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of an older release neither fails nor completes what it does not know."""
    operation_id = await _accept(world, *_users(1))
    monkeypatch.setattr(work, "KINDS", {})
    with pytest.raises(UnknownBulkError):
        await work_on_bulk(world.engine, order_of(world.environment, operation_id), turn=9)
    view = await get_operation(world.engine, world.environment.scope, operation_id)
    assert counts(view) == ("queued", 0, 0, 0)


async def test_an_operation_belongs_to_its_environment(world: World) -> None:
    """Nobody sees or works on what another environment has asked for."""
    operation_id = await _accept(world, *_users(1))
    other = replace(world, environment=await world.make.environment())
    order = order_of(other.environment, operation_id)
    assert (await work_on_bulk(other.engine, order, turn=1)).is_over
    with pytest.raises(NotFound):
        await get_operation(other.engine, other.environment.scope, operation_id)
    view = await get_operation(world.engine, world.environment.scope, operation_id)
    assert counts(view) == ("queued", 0, 0, 0)


async def test_times_are_those_of_the_engine(world: World) -> None:
    """When an operation began and ended is told by the clock of who worked on it."""
    operation_id = await _accept(world, *_users(1))
    later = world.engine.clock() + timedelta(days=1)
    after = await _finish(world.at(later), operation_id)
    assert after.operation.started_at == after.operation.completed_at == later
