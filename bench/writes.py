"""Rows per second that calls store, beside a bare INSERT of the same rows."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

import httpx
from psycopg.types.json import Jsonb

from bench.report import Result, judged
from bench.session import Session
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject

_ROUNDS = 5
# Bulk operations that are given at once, of the most entries that one may have.
_OPERATIONS, _ENTRIES = 4, 1_000
_FOLLOWERS = 100
_POLL_SECONDS = 0.01
_RECIPIENTS = """
INSERT INTO recipients (environment_id, collection, id, properties, inserted_at, updated_at)
SELECT (SELECT id FROM environments WHERE slug = 'production'), %s, row ->> 'id', row - 'id', now(),
       now()
FROM jsonb_array_elements(%s::jsonb) AS row
"""
_SUBSCRIPTIONS = """
INSERT INTO subscriptions (environment_id, object_collection, object_id, recipient_collection,
    recipient_id, properties, inserted_at, updated_at)
SELECT (SELECT id FROM environments WHERE slug = 'production'), 'bare', %s, '$users', row, '{}',
       now(), now()
FROM jsonb_array_elements_text(%s::jsonb) AS row
"""


async def measure_writes(session: Session) -> list[Result]:
    """Identify users and set objects in bulk, and add followers, in turns with bare INSERTs."""
    users = [f"follower-{number}" for number in range(_FOLLOWERS)]
    named = {"users": [{"id": user, "name": user} for user in users]}
    await _finished(session, await _posted(session, "/v1/users/bulk/identify", named))
    followed = iter([f"followed-{number}" for number in range(_ROUNDS + 1)])
    things = {"objects": [{"id": f"followed-{number}"} for number in range(_ROUNDS + 1)]}
    await _finished(session, await _posted(session, "/v1/objects/things/bulk/set", things))
    return [
        await _compared(
            "bulk identify of 1,000 users",
            lambda: _in_bulk(session, "/v1/users/bulk/identify", "users"),
            lambda: _bare(session, "$users"),
            _OPERATIONS * _ENTRIES,
        ),
        await _compared(
            "bulk set of 1,000 objects",
            lambda: _in_bulk(session, "/v1/objects/things/bulk/set", "objects"),
            lambda: _bare(session, "things"),
            _OPERATIONS * _ENTRIES,
        ),
        await _compared(
            "100 subscriptions of one call",
            lambda: _followed(session, next(followed), users),
            lambda: _bare_subscriptions(session, users),
            _FOLLOWERS,
        ),
    ]


async def _compared(
    name: str,
    product: Callable[[], Awaitable[None]],
    floor: Callable[[], Awaitable[None]],
    rows: int,
) -> Result:
    """Time both in turns; the first round of each only warms up."""
    rates: list[tuple[float, float]] = []
    for _ in range(_ROUNDS + 1):
        took = []
        for work in (product, floor):
            started = time.perf_counter()
            await work()
            took.append(rows / (time.perf_counter() - started))
        rates.append((took[0], took[1]))
    done, bare = zip(*rates[1:], strict=True)
    ratios = [one / other for one, other in rates[1:]]
    return judged(
        name,
        statistics.median(done),
        "rows/s",
        floor=statistics.median(bare),
        ratio=statistics.median(ratios),
        at_least=0.5,
        rounds=ratios,
    )


def _entries() -> list[JsonObject]:
    """Return entries with ids that nobody has yet, and properties as products store them."""
    batch = new_id().hex[:12]
    return [
        {
            "id": f"{batch}-{number}",
            "name": f"Person {number}",
            "email": f"{batch}-{number}@example.com",
            "plan": "pro" if number % 4 == 0 else "free",
            "seats": number % 50,
        }
        for number in range(_ENTRIES)
    ]


async def _in_bulk(session: Session, path: str, member: str) -> None:
    async def one() -> None:
        await _finished(session, await _posted(session, path, {member: _entries()}))

    await asyncio.gather(*(one() for _ in range(_OPERATIONS)))


async def _posted(session: Session, path: str, body: JsonObject) -> str:
    response = await session.api.post(path, json=body)
    response.raise_for_status()
    return str(response.json()["id"])


async def _finished(session: Session, operation: str) -> None:
    query = "SELECT count(*) FROM bulk_operations WHERE id = %s AND completed_at IS NOT NULL"
    while not await session.count(query, operation):
        await asyncio.sleep(_POLL_SECONDS)


async def _bare(session: Session, collection: str) -> None:
    for _ in range(_OPERATIONS):
        await session.database.execute(_RECIPIENTS, [collection, Jsonb(_entries())])


async def _followed(session: Session, followed: str, users: list[str]) -> None:
    response: httpx.Response = await session.api.post(
        f"/v1/objects/things/{followed}/subscriptions", json={"recipients": users}
    )
    response.raise_for_status()


async def _bare_subscriptions(session: Session, users: list[str]) -> None:
    await session.database.execute(_SUBSCRIPTIONS, [str(new_id()), Jsonb(users)])
