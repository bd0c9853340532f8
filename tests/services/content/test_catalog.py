"""What a process remembers of configuration, and what it reads of it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from domain.content.partial import PARTIAL
from services.content import catalog
from services.content.catalog import Catalog
from tests.support.content import note, save_content
from tests.support.world import World


async def test_many_partials_are_read_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when there are more of them than are remembered, no partial costs a statement."""
    engine, environment = world.engine, world.environment.scope
    keys = [f"partial-{number}" for number in range(8)]
    for key in keys:
        document = {"name": key, "type": "text", "content": f"I am {key}"}
        await save_content(
            engine, environment.slug, PARTIAL, key, document, commit=note(), force=True
        )
    monkeypatch.setattr(catalog, "_REMEMBERED_VERSIONS", 2)
    one_by_one = []
    execute = psycopg.AsyncCursor.execute

    async def counting(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        if "FROM content_versions WHERE id = %s" in query:
            one_by_one.append(query)
        return await execute(cursor, query, *args, **options)

    with monkeypatch.context() as counted:
        counted.setattr(psycopg.AsyncCursor, "execute", counting)
        async with engine.connection() as connection:
            found = await Catalog(engine.vault).current(connection, environment)
    assert {key: found.partials[key].content for key in keys} == {
        key: f"I am {key}" for key in keys
    }
    assert one_by_one == []
