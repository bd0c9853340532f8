"""Every list with every filter over a crowd: `make bench-lists`, or `python -m bench.lists`.

Each case is read from its first page to its hundredth, or to its end where there are fewer; one of
few pages is read again and again, as PostgreSQL plans a statement anew that is often asked. Values
that many rows have are tried beside values that a few among a million have.

What counts is the p99 of requests, each page as long as it took when it was first asked for. What
else the machine does is not the list's fault, and can be told from it: beside each page the floor
is read, one message by its id; a page that takes long is read twice more, and the p99 of the least
is told; so is the CPU that the API and PostgreSQL spend on a page. Where even the floor has a p99
over 15 ms, no time of that machine says much: that CPU is judged then, and the column of targets
says so.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
import psycopg
from psycopg.rows import TupleRow

from bench.cost import CpuMeter
from bench.latency import percentile
from bench.list_cases import FLOOR, Case, Crowd, Query, cases
from bench.report import Result, table
from commands.dev.client import DevStack
from commands.dev.fresh import fresh_stack
from domain.kit.ids import new_id

_CROWD = (Path(__file__).parent / "crowd.sql").read_text()
_PAGES = 100
_LEAST_READ = 30
_TARGET_MS = 50.0
_TRIES = 3
# A floor that takes longer tells that the machine has other things to do.
_QUIET_MS = 15.0
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


async def measure(stack: DevStack, wanted: list[Case], floor: Case) -> list[Result]:
    """Read the pages of every case, one request after another, and the floor beside each."""
    results = []
    async with _client(stack) as client:
        for case in wanted:
            found = await _read(client, case, floor)
            cost = await _cost(stack, client, case, found)
            result = _judge(case, found, cost)
            print(f"  {result.name}: {result.value:.1f} ms{found.refusal}", flush=True)
            results.append(result)
    return results


@dataclass(slots=True)
class _Found:
    """What reading a case found.

    Attributes:
        cursors: of its pages; None is that of the first.
        took: seconds of each page that was read, when it was first asked for.
        least: seconds of each, where one that took long was read again.
        floor: seconds of the floor beside each.
        refusal: what kept it from going on.
    """

    cursors: list[str | None] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    refusal: str = ""


async def _read(client: httpx.AsyncClient, case: Case, floor: Case) -> _Found:
    found = _Found()
    cursor: str | None = None
    while len(found.took) < (_PAGES if cursor else _LEAST_READ):
        query = _page_of(case, cursor)
        seconds, response = await _timed(client, case.path, query)
        found.took.append(seconds)
        for _ in range(_TRIES - 1):
            if 1000 * seconds > _TARGET_MS:
                again, response = await _timed(client, case.path, query)
                seconds = min(seconds, again)
        found.least.append(seconds)
        found.floor.append((await _timed(client, floor.path, floor.query))[0])
        if response.is_error:
            found.refusal = f" {response.status_code} {response.json()['message']}"
            return found
        if cursor not in found.cursors:
            found.cursors.append(cursor)
        cursor = response.json().get("page_info", {}).get("after")
    return found


async def _cost(
    stack: DevStack, client: httpx.AsyncClient, case: Case, found: _Found
) -> dict[str, float]:
    """Return the milliseconds of CPU that a page costs, by process."""
    queries = [_page_of(case, cursor) for cursor in found.cursors]
    meter = CpuMeter(stack)
    for query in itertools.islice(itertools.cycle(queries), _LEAST_READ):
        await _timed(client, case.path, query)
    spent = meter.lap().per(_LEAST_READ)
    return {part: spent[part] for part in ("api", "postgres")}


def _judge(case: Case, found: _Found, cost: dict[str, float]) -> Result:
    value, least, floor = (
        1000 * percentile(seconds, 0.99) for seconds in (found.took, found.least, found.floor)
    )
    parts = ", ".join(f"{part} {spent:.1f}" for part, spent in cost.items())
    again = f"; read again {least:.1f}" if least < value else ""
    is_quiet = floor <= _QUIET_MS
    judged_by = value if is_quiet else sum(cost.values())
    return Result(
        f"{case.name} ({len(found.cursors)} pages; CPU ms of a page: {parts}{again})",
        value,
        "ms",
        floor,
        value / floor,
        f"p99 <= {_TARGET_MS:g}" if is_quiet else f"CPU <= {_TARGET_MS:g} (slow floor)",
        judged_by <= _TARGET_MS and not found.refusal,
    )


def _page_of(case: Case, cursor: str | None) -> Query:
    return {**case.query, "after": cursor} if cursor else case.query


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
        every = await fill(stack, database, scale)
        (floor,) = (case for case in every if case.name == FLOOR)
        return await measure(stack, [case for case in every if only in case.name], floor)


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
