"""Parts of statements that let a recipient enter a workflow only once."""

from __future__ import annotations

# A unique row decides between triggers at once: the later one waits for the earlier one's commit,
# and makes no run. Rows are taken in one order by everybody.
FIRST_RUNS = """first_runs_taken AS (
    INSERT INTO first_runs
        (environment_id, collection, recipient_id, workflow_key, tenant_id, recipient_run_id)
    SELECT %(content_id)s, collection, recipient_id, %(workflow_key)s, %(first_run_for)s, id
    FROM {given} ORDER BY collection COLLATE "C", recipient_id COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING recipient_run_id
)"""

# Whether the row was taken before, for the same run.
IS_FIRST_RUN = """(
    SELECT f.recipient_run_id = {run}.id FROM first_runs f
    WHERE f.environment_id = %(content_id)s AND f.collection = {run}.collection
      AND f.recipient_id = {run}.recipient_id AND f.workflow_key = %(workflow_key)s
      AND f.tenant_id = %(first_run_for)s)"""
