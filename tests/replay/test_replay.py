"""Every recorded history replays with today's code; code that changes commands is found out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from commands.worker import workflow_runner
from domain.contract.fan_outs import CancelFanoutInput, TriggerFanoutInput
from domain.contract.runs import RecipientRunInput
from runtime.settings import Settings
from runtime.temporal import DATA_CONVERTER
from temporal_workflows import WORKFLOWS, activity_stubs
from tests.support.long_histories import long_after
from tests.support.scenarios import SCENARIOS

FILES = sorted((Path(__file__).parent / "histories").glob("*.json"))


def _history(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(file.stem, file.read_text())


def _replayer(*workflows: type, sandbox: bool = False) -> Replayer:
    settings = Settings(worker_sandbox=sandbox)
    return Replayer(
        workflows=workflows,
        workflow_runner=workflow_runner(settings),
        data_converter=DATA_CONVERTER,
    )


def test_every_shape_is_recorded() -> None:
    """There is one history for each scenario, and no file that nothing made."""
    assert {file.stem for file in FILES} == set(SCENARIOS)


@pytest.mark.parametrize("sandbox", [False, True], ids=["bare", "sandbox"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_25_recorded_history_replays(file: Path, sandbox: bool) -> None:
    """What a deployed version did is what today's code does again, in the sandbox as outside."""
    replayed = await _replayer(*WORKFLOWS, sandbox=sandbox).replay_workflow(_history(file))
    assert replayed.replay_failure is None


def _is_of_recipient_run(file: Path) -> bool:
    started = _history(file).events[0].workflow_execution_started_event_attributes
    return started.workflow_type.name == "RecipientRun"


@pytest.mark.parametrize(
    "file",
    [
        file
        for file in FILES
        if _is_of_recipient_run(file) and SCENARIOS[file.stem].long_after is None
    ],
    ids=lambda file: file.stem,
)
async def test_a_run_that_was_long_before(file: Path) -> None:
    """A run that walked on, long as it was, before runs began anew goes on where it is."""
    with long_after(0):
        replayed = await _replayer(*WORKFLOWS).replay_workflow(_history(file))
    assert replayed.replay_failure is None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_recorded_history_stays_within_its_budget(file: Path) -> None:
    """What was recorded costs no more events than its shape may."""
    assert len(_history(file).events) <= SCENARIOS[file.stem].budget


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_history_says_nothing_personal(file: Path) -> None:
    """Histories carry ids and labels: no address, no name, no content, no path of a machine."""
    found = re.findall(r"@[a-z]+\.|Ellie|ellie|Hello|site-packages|stackTrace", file.read_text())
    assert found == []


@workflow.defn(name="RecipientRun")
class _SleepsFirst:
    """A run that starts a timer where the recorded ones walked."""

    @workflow.run
    async def run(self, order: RecipientRunInput) -> str:
        await workflow.sleep(1)
        return "completed"


@workflow.defn(name="TriggerFanout")
class _PlansTwice:
    """A fan-out with one activity too many."""

    @workflow.run
    async def run(self, order: TriggerFanoutInput) -> int:
        for _ in range(2):
            await _plan(activity_stubs.plan_trigger_fanout, order)
        return 0


@workflow.defn(name="CancelFanout")
class _CallsAnother:
    """A fan-out that calls an activity of another name."""

    @workflow.run
    async def run(self, order: CancelFanoutInput) -> int:
        await _plan(activity_stubs.plan_trigger_fanout, order)
        return 0


async def _plan(stub: Any, order: Any) -> None:
    await workflow.execute_activity(
        stub, order, start_to_close_timeout=activity_stubs.DURABLE_TIMEOUT
    )


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("in_app", _SleepsFirst),
        ("email", _SleepsFirst),
        ("in_app_delay_email", _SleepsFirst),
        ("trigger_fanout", _PlansTwice),
        ("cancel_fanout", _CallsAnother),
    ],
)
async def test_incompatible_code_is_found_out(name: str, changed: type) -> None:
    """A change of the commands fails the replay: these tests can fail."""
    file = next(file for file in FILES if file.stem == name)
    with pytest.raises(NondeterminismError):
        await _replayer(changed).replay_workflow(_history(file))
