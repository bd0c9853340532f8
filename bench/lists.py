"""Every list with every filter over a crowd: `make bench-lists`, or `python -m bench.lists`.

Each case is read from its first page to its hundredth, or to its end where there are fewer. Values
that many rows have are tried beside values that a few among a million have. A page that takes long
is read twice more and the least counts: what else the machine does is not the list's fault.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
from psycopg.rows import TupleRow

from bench.latency import percentile
from bench.list_cases import Case, Crowd, Query, cases
from bench.report import Result, judged, table
from commands.dev.client import DevStack
from commands.dev.fresh import fresh_stack
from domain.kit.ids import new_id

_CROWD = (Path(__file__).parent / "crowd.sql").read_text()
_PAGES = 100
_TARGET_MS = 50.0
_TRIES = 3
# At scale 1.
_MESSAGES, _USERS, _OBJECTS = 1_000_000, 200_000, 100_000


async def fill(
    stack: DevStack, database: psycopg.AsyncConnection[TupleRow], scale: float
) -> list[Case]:
    """Store the crowd, set-based; returns the cases that read it."""
    found = await database.execute("SELECT id FROM environments WHERE slug = 'production'")
    row = await found.fetchone()
    feed, mail = (stack.channels[name].id for name in ("in_app_feed", "email"))
    values = {
        "environment": row[0] if row else None,
        "feed": UUID(feed),
        "mail": UUID(mail),
        "version": new_id(),
        "messages": round(_MESSAGES * scale),
        "users": round(_USERS * scale),
        "objects": round(_OBJECTS * scale),
    }
    for statement in _CROWD.split(";"):
        started = time.perf_counter()
        await database.execute(statement, values)
        subject = statement.partition("INTO ")[2].partition(" ")[0]
        print(f"  {subject}: {time.perf_counter() - started:.0f} s", flush=True)
    await database.execute("VACUUM ANALYZE")
    found = await database.execute(
        "SELECT workflow_run_id, recipient_run_id, id FROM messages WHERE id = md5('m400')::uuid"
    )
    ids = await found.fetchone() or ("", "", "")
    await _make_audience(stack)
    return cases(Crowd(feed, mail, *(str(one) for one in ids)))


async def _make_audience(stack: DevStack) -> None:
    """Have the audience of the crowd's members, which are stored without it."""
    member = {"members": [{"user": {"id": "reader-0"}}]}
    async with _client(stack) as client:
        answer = await client.post(
            "/audiences/everybody/members", params={"create_audience": "true"}, json=member
        )
        answer.raise_for_status()


def _client(stack: DevStack) -> httpx.AsyncClient:
    key = stack.environments["production"].secret_key
    return httpx.AsyncClient(
        base_url=f"{stack.api_url}/v1", headers={"authorization": f"Bearer {key}"}, timeout=60.0
    )


async def measure(stack: DevStack, wanted: list[Case]) -> list[Result]:
    """Read the pages of every case, one request after another."""
    results = []
    async with _client(stack) as client:
        for case in wanted:
            took, last = await _read(client, case)
            result = judged(
                f"{case.name} ({len(took)} pages)",
                1000 * percentile(took, 0.99),
                "ms",
                at_most=_TARGET_MS,
            )
            print(f"  {result.name}: {result.value:.1f} ms{last}", flush=True)
            results.append(result)
    return results


async def _read(client: httpx.AsyncClient, case: Case) -> tuple[list[float], str]:
    """Return how long each page took, and what kept the case from going on."""
    took: list[float] = []
    cursor: str | None = None
    while len(took) < _PAGES and (cursor or not took):
        query = {**case.query, "after": cursor} if cursor else dict(case.query)
        seconds, response = await _timed(client, case.path, query)
        for _ in range(_TRIES - 1):
            if 1000 * seconds > _TARGET_MS:
                again, response = await _timed(client, case.path, query)
                seconds = min(seconds, again)
        took.append(seconds)
        if response.is_error:
            return took, f" {response.status_code} {response.json()['message']}"
        cursor = response.json().get("page_info", {}).get("after")
    return took, ""


async def _timed(
    client: httpx.AsyncClient, path: str, query: Query
) -> tuple[float, httpx.Response]:
    started = time.perf_counter()
    response = await client.get(f"/{path}", params=query)
    return time.perf_counter() - started, response


async def run(scale: float, only: str) -> list[Result]:
    """Fill a fresh stack and measure it."""
    async with (
        fresh_stack(workers=1) as stack,
        await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as database,
    ):
        wanted = await fill(stack, database, scale)
        return await measure(stack, [case for case in wanted if only in case.name])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is a million messages")
    parser.add_argument("--only", default="", help="cases whose names have this")
    arguments = parser.parse_args()
    results = asyncio.run(run(arguments.scale, arguments.only))
    print()
    print(table(results))


if __name__ == "__main__":
    main()
