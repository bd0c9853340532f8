"""The statement that takes items out of open batches, and tells it."""

from __future__ import annotations

from domain.runs.events import RunEventType
from domain.runs.statuses import OPEN_RUN
from models.queries.events.writing import count_event, run_facts, tell_runs
from models.sql import listed

# A run that is open carries the batch, and is locked by now, as runs are before batches. All others
# ended when they had joined: their rows are left alone, and no event of theirs follows this one.
# They stay where they are in the row's `event_count`, which says that of their end.
_REMOVE = """
WITH removed AS (
    UPDATE batch_items i SET removed_at = %(now)s
    FROM recipient_runs r
    WHERE r.id = i.recipient_run_id AND i.removed_at IS NULL AND {meant}
    RETURNING i.batch_id, i.recipient_run_id
), counted AS (
    UPDATE batches b SET item_count = b.item_count - gone.items
    FROM (SELECT batch_id, count(*) AS items FROM removed GROUP BY batch_id) AS gone
    WHERE b.id = gone.batch_id
), carriers AS (
    UPDATE recipient_runs r SET {count}, updated_at = %(now)s
    FROM removed
    WHERE r.id = removed.recipient_run_id AND r.id = ANY(%(run_ids)s) AND r.status IN ({open_run})
    RETURNING {facts}, removed.batch_id
), known AS (
    SELECT * FROM carriers
    UNION ALL
    SELECT {ended}, removed.batch_id
    FROM removed JOIN recipient_runs r ON r.id = removed.recipient_run_id
    WHERE r.status NOT IN ({open_run})
), {told}
SELECT count(*)::int AS items FROM removed
"""


def remove_items(meant: str, *, reason: str, cancellation: str = "NULL") -> str:
    """Write the statement; it returns how many items there were, as `items`.

    Args:
        meant: SQL for which items, in batches that are locked; the item is `i`, its run `r`. The
            statement is given those of their runs that are locked, as `run_ids`, and `now`.
        reason: why, as the runs' stories tell it.
        cancellation: SQL for the id of the cancellation.
    """
    data = (
        f"jsonb_strip_nulls(jsonb_build_object('reason', '{reason}', 'batch_id', r.batch_id::text,"
        f" 'cancellation_id', {cancellation}::text))"
    )
    event = RunEventType.BATCH_ITEM_REMOVED
    return _REMOVE.format(
        meant=meant,
        count=count_event("r", event),
        facts=run_facts("r"),
        ended=run_facts("r", counted=False),
        open_run=listed(OPEN_RUN),
        told=tell_runs("known", event, data=data, at="%(now)s::timestamptz"),
    )
