"""The story of a run, put together from its stored events and its row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from domain.runs.events import RunEventType
from domain.runs.rows import RecipientRun, RunEvent
from domain.runs.statuses import RunStatus


def whole_story(run: RecipientRun, stored: Sequence[RunEvent]) -> list[RunEvent]:
    """Add to the stored events of a run those that its row stands for, in order.

    That a run started, and that it completed, is in its row; a walk keeps their positions free.
    """
    taken = {event.position for event in stored}
    story = list(stored)
    if run.started_at is not None:
        story.append(
            RunEvent(
                position=next(number for number in count() if number not in taken),
                event=RunEventType.RUN_STARTED,
                data={"version_id": str(run.version_id)},
                inserted_at=run.started_at,
            )
        )
    halted = any(event.event == RunEventType.RUN_HALTED for event in stored)
    if run.status == RunStatus.COMPLETED and run.ended_at is not None and not halted:
        story.append(
            RunEvent(
                position=run.event_count - 1,
                event=RunEventType.RUN_COMPLETED,
                data={"reason": run.end_reason} if run.end_reason else {},
                inserted_at=run.ended_at,
            )
        )
    return sorted(story, key=lambda event: event.position)
