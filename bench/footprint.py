"""What a run costs besides time: history events, SQL statements, memory while it sleeps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import psycopg

from bench.report import Result, judged
from bench.session import Session, person
from domain.kit.ids import recipient_run_id, recipient_run_workflow_id
from domain.recipients.refs import RecipientRef

_BUDGETS = {
    "bench-in-app": ("history events of an in-app run", 6),
    "bench-email": ("history events of an e-mail run", 8),
    "bench-all": ("history events of in-app + delay + e-mail", 14),
}
_COUNTED_RUNS = 20


async def measure_history(session: Session) -> list[Result]:
    """Count the history events of one real run of each shape."""
    results: list[Result] = []
    ref = RecipientRef.user(person(1))
    for workflow, (name, budget) in _BUDGETS.items():
        trigger = await session.trigger(workflow, [ref.id])
        run = recipient_run_id(UUID(trigger), ref.gid)
        handle = session.temporal.get_workflow_handle(
            recipient_run_workflow_id("development", workflow, str(run))
        )
        await session.wait_for(
            "SELECT count(*) FROM recipient_runs WHERE id = %s AND status <> 'queued'", run, until=1
        )
        async with asyncio.timeout(60):
            await handle.result()
        events = (await handle.fetch_history()).events
        results.append(judged(name, len(events), "events", at_most=budget))
    return results


async def measure_statements(session: Session) -> list[Result]:
    """Count the SQL statements of single-recipient triggers, from the request to the feed item.

    PostgreSQL itself writes them to its log for the length of this measure; BEGIN and COMMIT
    count, because each is a round trip.
    """
    log = Path(session.stack.mail_dir).parent / "logs" / "postgres.log"
    await _log_statements(session, "all")
    before = log.stat().st_size
    for number in range(_COUNTED_RUNS):
        await session.trigger("bench-in-app", [person(number)])
        # Long enough for the run to end: its statements are counted too.
        await asyncio.sleep(0.3)
    await _log_statements(session, "none")
    with log.open("rb") as stream:
        stream.seek(before)
        text = stream.read().decode(errors="replace")
    ours = [
        line for line in text.splitlines() if "LOG:  execute" in line or "LOG:  statement" in line
    ]
    own = sum("log_statement" in line or "pg_reload_conf" in line for line in ours)
    return [
        Result("SQL statements per in-app run", (len(ours) - own) / _COUNTED_RUNS, "statements")
    ]


async def _log_statements(session: Session, which: str) -> None:
    async with await psycopg.AsyncConnection.connect(
        session.stack.database_url, autocommit=True
    ) as connection:
        await connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'".encode())
        await connection.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(0.5)
