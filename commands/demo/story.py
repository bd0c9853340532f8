"""Follows one recipient run and tells its events as they happen."""

from __future__ import annotations

from datetime import datetime

from knockapi.types import WorkflowRecipientRunDetail, WorkflowRecipientRunEvent

from commands.demo.screen import clock_time
from commands.demo.stage import DemoFailed, Stage, until
from domain.kit.clock import utc_now
from domain.kit.ids import recipient_run_workflow_id

WORKFLOW = "welcome"
ENVIRONMENT = "development"


class RunStory:
    """The run of one recipient of one trigger.

    Args:
        stage: where it plays.
        run_id: the recipient run.
    """

    def __init__(self, stage: Stage, run_id: str) -> None:
        self.run_id = run_id
        self._stage = stage
        self._told: set[str] = set()

    @property
    def temporal_id(self) -> str:
        """Return the id of the Temporal workflow that is this run."""
        return recipient_run_workflow_id(ENVIRONMENT, WORKFLOW, self.run_id)

    async def follow(self, *statuses: str, silently: bool = False) -> WorkflowRecipientRunDetail:
        """Tell events as they come, until the run has one of the statuses.

        Raises:
            DemoFailed: it ended otherwise, reported an error, or took too long.
        """

        async def look() -> WorkflowRecipientRunDetail | None:
            run = await self._stage.server.workflow_recipient_runs.get(self.run_id)
            for event in run.events:
                if not silently and event.id not in self._told:
                    self._told.add(event.id)
                    self._stage.screen.say(_line(event, run.inserted_at))
            failed = [event for event in run.events if event.status == "error"]
            if failed:
                raise DemoFailed(f"The run {run.id} reports {failed[0].event}: {failed[0].data}.")
            if run.status in statuses:
                return run
            if run.status in ("completed", "cancelled"):
                raise DemoFailed(
                    f"The run {run.id} is {run.status} where it should be {statuses[0]}."
                )
            return None

        return await until(look, what=f"The run {self.run_id} did not become {statuses[0]}")


async def find_run(stage: Stage, workflow_run_id: str, recipient: str) -> RunStory:
    """Return the run of a recipient of a trigger; the list is what a support tool would ask."""
    runs = stage.server.workflow_recipient_runs

    async def look() -> RunStory | None:
        page = await runs.list(workflow=WORKFLOW, recipient=recipient)
        found = [run.id for run in page.items if run.workflow_run_id == workflow_run_id]
        return RunStory(stage, found[0]) if found else None

    return await until(look, what=f"The trigger {workflow_run_id} did not show a run")


def seconds_left(run: WorkflowRecipientRunDetail) -> tuple[datetime, float]:
    """Return when a paused run goes on, and how many seconds that is from now.

    Raises:
        DemoFailed: its story names no such instant.
    """
    for event in reversed(run.events):
        if event.event == "delay_started" and event.data:
            due = datetime.fromisoformat(str(event.data["delay_until"]))
            return due, (due - utc_now()).total_seconds()
    raise DemoFailed(f"The run {run.id} is paused, and its story does not say until when.")


def _line(event: WorkflowRecipientRunEvent, since: datetime) -> str:
    data = event.data or {}
    details = str(data.get("channel_type", ""))
    if "delay_until" in data:
        details = f"until {clock_time(datetime.fromisoformat(str(data['delay_until'])))}"
    offset = (event.inserted_at - since).total_seconds()
    columns = f"{clock_time(event.inserted_at)}  +{offset:6.3f} s  {event.event:<17}"
    return f"{columns} {event.step_ref or '':<10} {details}".rstrip()
