"""Parts of the statements that cancel runs: those of a key, and those that an operator means.

A run is cancelled by statements, not by Temporal: a walk holds the row's lock from before its first
effect to its commit, so either the walk came first and what it made stands, or the cancel did and
the walk makes nothing.

Rows are locked in id order, expansions before runs before batches, so two cancels never deadlock.
Each lock has a statement of its own: the next one sees what was committed while it was waited for,
such as runs that a page has just made, or the item that a walk has put into a batch.
"""

from __future__ import annotations

from domain.runs.events import RunEventType
from domain.runs.statuses import RunStatus
from models.queries.events.writing import count_event, tell_runs

# Runs that are not made yet: either all of them are not to be made, or those of some. Whoever makes
# them holds the same rows, so what was made before is found by the next statement. Comes behind a
# part `locked`.
END_EXPANSIONS = """ended AS (
    DELETE FROM trigger_expansions x USING locked
    WHERE x.workflow_run_id = locked.workflow_run_id AND %(recipients)s::jsonb IS NULL
)
UPDATE trigger_expansions x SET cancellation_ids = cancellation_ids || %(id)s::uuid
FROM locked
WHERE x.workflow_run_id = locked.workflow_run_id AND %(recipients)s::jsonb IS NOT NULL
"""

CANCELLED = f"""status = '{RunStatus.CANCELLED}', cancellation_id = %(id)s, resumes_at = NULL,
        ended_at = %(now)s, end_reason = 'cancel_requested',
        {count_event("r", RunEventType.RUN_CANCELLED)}, updated_at = %(now)s"""

TELL_CANCELLED = tell_runs(
    "cancelled",
    RunEventType.RUN_CANCELLED,
    data="jsonb_build_object('reason', 'cancel_requested', 'cancellation_id', %(id)s::text)",
    at="%(now)s::timestamptz",
)
