"""All that a removed environment had is deleted, and nothing of another one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.account.environments import EnvironmentIn
from domain.kit.errors import Unavailable
from domain.kit.principals import KeyKind
from models.queries.account import removal as statements
from models.queries.account.removal import TABLES
from models.queries.jobs import sweep_positions
from models.tables import metadata
from services.account import chain
from services.account.removal import GRACE, delete_removed_environments
from tests.support.account import Account
from tests.support.builders import T0, Builder, Environment
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, batch_step, channel_step, delay_step

_OF_ENVIRONMENTS = {
    table.name for table in metadata.sorted_tables if "environment_id" in table.columns
}


def test_every_table_with_rows_of_an_environment_is_known() -> None:
    """One that was forgotten would keep an environment's data for ever."""
    assert set(TABLES) == _OF_ENVIRONMENTS
    assert len(TABLES) == len(set(TABLES))


def test_no_table_goes_before_one_that_refers_to_it() -> None:
    """The database would refuse to delete its rows."""
    place = {table: index for index, table in enumerate(TABLES)}
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            target = key.column.table.name
            if table.name in place and target in place:
                assert place[table.name] < place[target], (table.name, target)


async def _populated(account: Account, slug: str, *, people: int = 3) -> World:
    """Make an environment where a good deal has happened, and is under way."""
    wanted = EnvironmentIn(slug=slug, name=slug)
    made = await chain.add_environment(account.engine, wanted)
    keys = {key.row.kind: key.token for key in made.api_keys}
    seen = Environment(made.environment.scope, keys[KeyKind.SECRET], keys[KeyKind.PUBLIC])
    world = World(account.engine, account.make, seen)
    await world.channel("in_app_feed")
    await world.audience("beta")
    await world.enter("beta", "alan")
    waits = delay_step()
    await world.publish("welcome", channel_step("in_app_feed"), waits)
    await world.publish("digest", batch_step(), channel_step("in_app_feed"))
    for key in ("welcome", "digest"):
        for number in range(people):
            run_id = await world.begin(key, {"id": f"user-{number}", "name": "Ellie"})
            await world.walk(run_id)
    await _leave_loose_rows(world)
    return world


async def _leave_loose_rows(world: World) -> None:
    """Store what outlives its message, or belongs to none: nothing else takes it along."""
    await world.make.insert(
        "short_links",
        key=uuid4().hex[:10],
        environment_id=world.environment.id,
        message_id=uuid4(),
        collection="$users",
        recipient_id="user-0",
        url="https://shop.example",
        inserted_at=T0,
    )
    await world.make.insert(
        "attachments",
        workflow_run_id=uuid4(),
        digest="0" * 64,
        environment_id=world.environment.id,
        content=b"x",
    )


async def _rows(make: Builder, environment_id: Any) -> dict[str, int]:
    counts = {}
    for table in sorted(_OF_ENVIRONMENTS):
        statement = f"SELECT count(*) AS n FROM {table} WHERE environment_id = %s"
        counts[table] = (await make.rows(statement, environment_id))[0]["n"]
    return {table: count for table, count in counts.items() if count}


async def _orphans(make: Builder) -> int:
    """Count rows without an environment of their own whose owner is gone."""
    [row] = await make.rows(
        "SELECT (SELECT count(*) FROM recipient_run_events e WHERE NOT EXISTS"
        " (SELECT FROM recipient_runs r WHERE r.id = e.recipient_run_id))"
        " + (SELECT count(*) FROM run_patches p WHERE NOT EXISTS"
        " (SELECT FROM recipient_runs r WHERE r.id = p.recipient_run_id))"
        " + (SELECT count(*) FROM message_events e WHERE NOT EXISTS"
        " (SELECT FROM messages m WHERE m.id = e.message_id)) AS n"
    )
    return int(row["n"])


async def _later(account: Account, by: timedelta = GRACE) -> None:
    """Let the time of grace be over."""
    await account.make.rows(
        "UPDATE environments SET removed_at = removed_at - %s"
        " WHERE removed_at IS NOT NULL RETURNING 1",
        by,
    )


async def _all_rows(make: Builder, slug: str) -> list[Any]:
    return await make.rows("SELECT id FROM environments WHERE slug = %s", slug)


async def test_all_of_it_goes_and_nothing_of_another(
    account: Account, temporal: TemporalRecorder
) -> None:
    """Its runs are woken, so that they end in Temporal; the row goes last, with the slug."""
    gone, stays = await _populated(account, "staging"), await _populated(account, "preview")
    before = await _rows(account.make, stays.environment.id)
    runs = await account.make.rows(
        "SELECT id FROM recipient_runs WHERE environment_id = %s", gone.environment.id
    )
    await chain.remove_environment(account.engine, "staging")
    temporal.signals.clear()
    deleted = await delete_removed_environments(account.engine)
    assert deleted > len(runs) == 6
    assert await _rows(account.make, gone.environment.id) == {}
    assert await _orphans(account.make) == 0
    woken = {workflow_id.rpartition("/")[2] for workflow_id, _, _ in temporal.signals}
    assert {str(run["id"]) for run in runs} <= woken
    assert await _all_rows(account.make, "staging") != []
    await _later(account)
    assert await delete_removed_environments(account.engine) == 0
    assert await _all_rows(account.make, "staging") == []
    assert await _rows(account.make, stays.environment.id) == before
    # Its slug is free again.
    await chain.add_environment(account.engine, EnvironmentIn(slug="staging", name="Again"))


async def test_it_goes_on_where_a_process_died(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever transaction is the last one of a process, the next process ends the work."""
    world = await _populated(account, "staging")
    await chain.remove_environment(account.engine, "staging")
    deaths = _deaths(monkeypatch)
    while next(deaths):
        with pytest.raises(Unavailable):
            await delete_removed_environments(account.engine)
    await _later(account)
    await delete_removed_environments(account.engine)
    await delete_removed_environments(account.engine)
    assert await _rows(account.make, world.environment.id) == {}
    assert await _orphans(account.make) == 0
    assert await _all_rows(account.make, "staging") == []


def _deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[bool]:
    """Let each of several processes do seven steps and die."""
    note = sweep_positions.note_position
    for _ in range(5):
        steps = 0

        async def dies(*args: Any) -> None:
            nonlocal steps
            steps += 1
            if steps > 7:
                raise Unavailable("it died")
            await note(*args)

        monkeypatch.setattr(sweep_positions, "note_position", dies)
        yield True
    monkeypatch.setattr(sweep_positions, "note_position", note)
    yield False


async def test_what_was_written_behind_the_pass_goes_too(account: Account) -> None:
    """A request or a walk that had begun before may end afterwards."""
    world = await _populated(account, "staging")
    await chain.remove_environment(account.engine, "staging")
    await delete_removed_environments(account.engine)
    await world.identify("late", name="Late")
    assert await delete_removed_environments(account.engine) == 0
    await _later(account)
    await delete_removed_environments(account.engine)
    assert await _rows(account.make, world.environment.id) == {}
    assert await _all_rows(account.make, "staging") == []


async def test_a_pass_over_other_tables_is_begun_anew(account: Account) -> None:
    """After an upgrade; a last pass would otherwise leave out tables that came with it."""
    world = await _populated(account, "staging")
    await chain.remove_environment(account.engine, "staging")
    await _later(account)
    old = {"table": len(TABLES) - 1, "page": 0, "found": 0, "is_last": True, "tables": "others"}
    async with account.engine.unit() as unit:
        duty = f"removed_environment:{world.environment.id}"
        await sweep_positions.note_position(unit.connection, duty, old)
    await delete_removed_environments(account.engine)
    assert await _rows(account.make, world.environment.id) == {}
    assert await _all_rows(account.make, "staging") == []


async def test_runs_stay_until_temporal_has_heard_of_it(
    account: Account, temporal: TemporalRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is away nothing is deleted that would then sleep there for nobody."""
    world = await _populated(account, "staging")
    await chain.remove_environment(account.engine, "staging")

    def away(workflow_id: str, **options: Any) -> Any:
        raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")

    monkeypatch.setattr(temporal, "get_workflow_handle", away)
    await delete_removed_environments(account.engine)
    rows = await _rows(account.make, world.environment.id)
    assert rows["recipient_runs"] == 6
    assert "schedules" not in rows
    assert "api_keys" not in rows
    monkeypatch.undo()
    await delete_removed_environments(account.engine)
    assert await _rows(account.make, world.environment.id) == {}
    assert len(temporal.signals) >= 6


async def test_content_written_behind_the_pass_is_got_over(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit keeps its version from being deleted: the pass begins again with the commit."""
    world = await _populated(account, "staging", people=1)
    sweep, written = statements.sweep_pages, 0

    async def commits_behind(
        connection: Any, environment_id: UUID, table: str, **pages: int
    ) -> int:
        nonlocal written
        if table == "content_versions" and not written:
            made = await account.make.rows(
                "INSERT INTO commits (id, environment_id, resource_type, resource_key, version_id,"
                " author_name, author_email, is_empty, inserted_at) SELECT id, environment_id,"
                " resource_type, key, id, 'Late', 'late@example.com', false, now()"
                " FROM content_versions WHERE environment_id = %s RETURNING 1",
                environment_id,
            )
            written = len(made)
        return await sweep(connection, environment_id, table, **pages)

    monkeypatch.setattr(statements, "sweep_pages", commits_behind)
    await chain.remove_environment(account.engine, "staging")
    await delete_removed_environments(account.engine)
    assert written
    await delete_removed_environments(account.engine)
    assert await _rows(account.make, world.environment.id) == {}


async def test_one_that_fails_does_not_block_the_others(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each environment is deleted for itself; what failed is tried again by the next sweep."""
    broken = await _populated(account, "staging", people=1)
    other = await _populated(account, "preview", people=1)
    sweep = statements.sweep_pages

    async def fails(connection: Any, environment_id: UUID, table: str, **pages: int) -> int:
        if environment_id == broken.environment.id:
            raise RuntimeError("broken")
        return await sweep(connection, environment_id, table, **pages)

    monkeypatch.setattr(statements, "sweep_pages", fails)
    for slug in ("staging", "preview"):
        await chain.remove_environment(account.engine, slug)
    await delete_removed_environments(account.engine)
    assert await _rows(account.make, other.environment.id) == {}
    assert await _rows(account.make, broken.environment.id) != {}
    monkeypatch.undo()
    await delete_removed_environments(account.engine)
    assert await _rows(account.make, broken.environment.id) == {}
