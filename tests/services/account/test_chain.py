"""Environments join the chain: their places stay small, however many come."""

from __future__ import annotations

from domain.kit.ids import new_id
from models.queries.account import environments as queries
from tests.support.account import Account


async def test_there_is_a_place_for_every_environment(account: Account) -> None:
    """Each stands where it was wanted, and no place is left free between two."""
    wanted = [f"env-{number}" for number in range(40)]
    async with account.engine.unit() as unit:
        for slug in wanted:
            await queries.make_place(unit.connection, 1)
            await queries.insert_environment(
                unit.connection,
                environment_id=new_id(),
                slug=slug,
                name=slug,
                position=1,
                now=unit.now,
            )

    rows = await account.rows("SELECT slug, position FROM environments ORDER BY position")
    assert [row["slug"] for row in rows] == ["development", *reversed(wanted), "production"]
    assert [row["position"] for row in rows] == list(range(42))
