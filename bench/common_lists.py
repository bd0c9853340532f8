"""The lists that are read most, over a million messages of one channel; part of `make bench`.

`bench/lists.py` reads every list with every filter, and takes much longer.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import httpx

from bench.latency import percentile
from bench.report import Result, judged
from bench.session import Session
from domain.kit.ids import new_id

MESSAGES = 1_000_000
_USERS = 2_000
_REQUESTS = 150

# A year of messages for two thousand people, in the production environment.
_FILL = """
INSERT INTO messages (id, environment_id, channel_id, channel_type, recipient_run_id,
    workflow_run_id, workflow_key, version_id, step_ref, categories, collection, recipient_id,
    tenant_id, actors, data, content, delivery_status, seen_at, read_at, archived_at,
    provider_metadata, retry_count, inserted_at, updated_at)
SELECT md5('m' || n)::uuid, %(environment)s, %(channel)s, 'in_app_feed', md5('r' || n)::uuid,
    md5('w' || n / 10)::uuid, 'workflow-' || n %% 20, %(version)s, 'feed', '{news}', '$users',
    'reader-' || n %% %(users)s, CASE WHEN n %% 3 = 0 THEN 'tenant-' || n %% 50 END, '[]',
    jsonb_build_object('page', 'Page ' || n %% 1000),
    jsonb_build_object('blocks', jsonb_build_array(jsonb_build_object(
        'name', 'body', 'type', 'markdown', 'content', 'There is **news** on {{ data.page }}.',
        'rendered', '<p>There is <strong>news</strong> on page ' || n || '.</p>'))),
    'delivered',
    CASE WHEN n %% 2 = 0 THEN at END, CASE WHEN n %% 4 = 0 THEN at END,
    CASE WHEN n %% 10 = 0 THEN at END, '{}', 0, at, at
FROM (SELECT n, now() - (n * interval '31 seconds') AS at FROM generate_series(%(first)s, %(last)s)
      AS n) AS numbers
"""


async def fill(session: Session) -> None:
    """Store a million messages; takes a minute or two."""
    row = await (
        await session.database.execute("SELECT id FROM environments WHERE slug = 'production'")
    ).fetchone()
    values: dict[str, Any] = {
        "environment": row[0] if row else None,
        "channel": UUID(session.stack.channels["in_app_feed"].id),
        "version": new_id(),
        "users": _USERS,
    }
    chunk = 100_000
    for first in range(1, MESSAGES + 1, chunk):
        await session.database.execute(_FILL, {**values, "first": first, "last": first + chunk - 1})
    await session.database.execute("VACUUM ANALYZE messages")


async def measure_lists(session: Session) -> list[Result]:
    """Read messages and feeds over a million messages, one request after another."""
    await fill(session)
    channel = session.stack.channels["in_app_feed"].id
    cases: dict[str, tuple[str, dict[str, str]]] = {
        "messages list": ("/v1/messages", {}),
        "messages list, filtered": (
            "/v1/messages",
            {"source": "workflow-7", "status[]": "delivered", "engagement_status[]": "unread"},
        ),
        "messages list of a user": ("/v1/users/reader-{user}/messages", {}),
        "messages list of a tenant": ("/v1/messages", {"tenant": "tenant-3"}),
        "feed list": (f"/v1/users/reader-{{user}}/feeds/{channel}", {}),
        "feed list, unread": (f"/v1/users/reader-{{user}}/feeds/{channel}", {"status": "unread"}),
    }
    key = session.stack.environments["production"].secret_key
    async with httpx.AsyncClient(
        base_url=session.stack.api_url, headers={"authorization": f"Bearer {key}"}, timeout=30.0
    ) as client:
        return [await _measure(client, name, path, query) for name, (path, query) in cases.items()]


async def _measure(
    client: httpx.AsyncClient, name: str, path: str, query: dict[str, str]
) -> Result:
    took = []
    cursor: str | None = None
    for number in range(_REQUESTS):
        # Every third request reads on from where the one before ended.
        paged = {**query, "after": cursor} if cursor and number % 3 else query
        started = time.perf_counter()
        response = await client.get(path.format(user=number % _USERS), params=paged)
        took.append(time.perf_counter() - started)
        response.raise_for_status()
        cursor = response.json()["page_info"]["after"] if "{user}" not in path else None
    return judged(
        f"{name} at 1,000,000 messages, p99", 1000 * percentile(took, 0.99), "ms", at_most=50
    )
