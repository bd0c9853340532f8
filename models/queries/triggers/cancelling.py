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
from models.queries.events.writing import count_event, run_facts, tell_runs

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

_END_RUNS = """
WITH requested AS (
    INSERT INTO cancellations (id, environment_id, workflow_key, cancellation_key, recipients,
                               run_count, requested_at, due_at, attempts)
    VALUES (%(id)s, %(environment_id)s, coalesce(%(workflow_key)s, ''), %(cancellation_key)s,
            %(recipients)s, 0, %(now)s, now() + %(release_within)s, 0)
), cancelled AS (
    UPDATE recipient_runs r
    SET status = '{cancelled}', cancellation_id = %(id)s, resumes_at = NULL,
        ended_at = %(now)s, end_reason = 'cancel_requested', {count}, updated_at = %(now)s
    WHERE r.id = ANY(%(run_ids)s) AND NOT EXISTS ({unless})
    RETURNING {facts}
), {told}
SELECT id FROM cancelled ORDER BY id
"""

# A cancel that has ended nothing has nothing to wake.
SETTLE = """
UPDATE cancellations
SET run_count = %(runs)s, released_at = CASE WHEN %(runs)s = 0 THEN requested_at END
WHERE id = %(id)s AND environment_id = %(environment_id)s
"""


def end_runs(unless: str) -> str:
    """Write the statement that notes a cancel, and ends the runs that it has locked.

    It returns the ids of those that it has ended, in their order.

    Args:
        unless: a query that finds something for a run `r` that goes on all the same.
    """
    reason = "jsonb_build_object('reason', 'cancel_requested', 'cancellation_id', %(id)s::text)"
    return _END_RUNS.format(
        cancelled=RunStatus.CANCELLED,
        count=count_event("r", RunEventType.RUN_CANCELLED),
        facts=run_facts("r"),
        unless=unless,
        told=tell_runs(
            "cancelled",
            RunEventType.RUN_CANCELLED,
            data=reason,
            at="%(now)s::timestamptz",
        ),
    )
