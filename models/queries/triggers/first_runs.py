"""Parts of statements that let a recipient enter a workflow only once."""

from __future__ import annotations

from domain.recipients.refs import USERS
from domain.triggers.rows import MOST_HELD_BACK

# A recipient as the API refers to it.
REFERENCE = f"""CASE WHEN collection = '{USERS}' THEN to_jsonb(recipient_id)
                ELSE jsonb_build_object('id', recipient_id, 'collection', collection) END"""

# A unique row decides between triggers at once: the later one waits for the earlier one's commit,
# and makes no run. Rows are taken in one order by everybody.
FIRST_RUNS = """first_runs_taken AS (
    INSERT INTO {table}
        (environment_id, collection, recipient_id, workflow_key, tenant_id, recipient_run_id)
    SELECT %(content_id)s, collection, recipient_id, %(workflow_key)s, %(first_run_for)s, id
    FROM {given} ORDER BY collection COLLATE "C", recipient_id COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING recipient_run_id
)"""

# Whether the row was taken before, for the same run.
IS_FIRST_RUN = """(
    SELECT f.recipient_run_id = {run}.id FROM {table} f
    WHERE f.environment_id = %(content_id)s AND f.collection = {run}.collection
      AND f.recipient_id = {run}.recipient_id AND f.workflow_key = %(workflow_key)s
      AND f.tenant_id = %(first_run_for)s)"""

# Adds to a trigger who is held back among its followers, each once, as far as there is room. The
# page that notes it holds the expansion, so that pages do so one after the other.
NOTE_HELD_BACK = f"""noted AS (
    SELECT coalesce(held_back_recipients, '[]') AS refs FROM workflow_runs
    WHERE id = %(id)s AND environment_id = %(environment_id)s
), noting AS (
    UPDATE workflow_runs w SET held_back_recipients = noted.refs || more.refs
    FROM noted CROSS JOIN LATERAL (
        SELECT jsonb_agg(ref) AS refs FROM (
            SELECT {REFERENCE} AS ref FROM {{given}}
            WHERE id NOT IN (SELECT id FROM {{chosen}})
              AND NOT noted.refs @> jsonb_build_array({REFERENCE})
            ORDER BY collection, recipient_id
            LIMIT greatest(0, {MOST_HELD_BACK} + 1 - jsonb_array_length(noted.refs))
        ) AS found
    ) AS more
    WHERE w.id = %(id)s AND w.environment_id = %(environment_id)s AND more.refs IS NOT NULL
)"""  # noqa: S608 - fixed text
