"""`carillon replay` finds runs that today's code cannot replay."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from commands import replay
from domain.contract.queues import RUNS
from domain.contract.runs import RecipientRunInput
from domain.kit.errors import BadRequest, InvalidParams, NotFound, Unavailable
from runtime.settings import Settings
from temporal_workflows import RecipientRunWorkflow
from tests.support.temporal_server import SPARE, client_of
from tests.support.waiting import until

HISTORIES = Path(__file__).parents[1] / "replay" / "histories"


def _run(settings: Settings, *arguments: str) -> int:
    return replay.main(settings, replay.PARSER.parse_args(arguments))


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """Write a history whose only activity has another name."""
    text = (HISTORIES / "sweep.json").read_text()
    file = tmp_path / "spoilt.json"
    file.write_text(json.dumps(json.loads(text.replace('"name": "sweep"', '"name": "mop"'))))
    return file


def test_recorded_histories(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of recorded histories is replayed as a whole."""
    assert _run(Settings(), str(HISTORIES)) == 0
    assert capsys.readouterr().out == f"{len(list(HISTORIES.iterdir()))} replayed, 0 failed.\n"


def test_failure_is_named(spoilt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A history that does not replay is named with the reason, and the command fails."""
    assert _run(Settings(), str(HISTORIES / "in_app.json"), str(spoilt)) == 1
    told = capsys.readouterr()
    assert told.err.startswith("spoilt: NondeterminismError: ")
    assert told.out == "2 replayed, 1 failed.\n"


def test_path_that_leads_nowhere(tmp_path: Path) -> None:
    """Replaying nothing is a mistake, not a success."""
    with pytest.raises(NotFound):
        _run(Settings(), str(tmp_path))


@pytest.mark.parametrize("text", ["# Carillon", "[]", "{}", '{"events": [{"odd": 1}]}'])
def test_a_file_that_is_no_history(tmp_path: Path, text: str) -> None:
    """It is named, in one line."""
    file = tmp_path / "notes.json"
    file.write_text(text)
    with pytest.raises(InvalidParams, match="is not a recorded history"):
        _run(Settings(), str(file))


async def test_runs_of_the_connected_server(
    temporal_address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Open runs are fetched from the server; a query chooses among them."""
    client = await client_of(temporal_address, SPARE)
    for name in ("one", "two"):
        await client.start_workflow(
            RecipientRunWorkflow.run,
            RecipientRunInput(name, str(uuid4())),
            id=f"run/{name}",
            task_queue=RUNS,
        )
    settings = Settings(temporal_address=temporal_address, temporal_namespace=SPARE)
    chosen = replay.PARSER.parse_args(["--query", "WorkflowId = 'run/one'"])

    async def is_listed() -> bool:
        return (await client.count_workflows("WorkflowId = 'run/one'")).count == 1

    await until(is_listed)
    assert await replay.run(settings, chosen) == 0
    # What other tests of this process have left may log meanwhile.
    assert capsys.readouterr().out.splitlines()[-1] == "1 replayed, 0 failed."


async def test_query_that_is_none(temporal_address: str) -> None:
    """A filter that Temporal cannot read is the caller's mistake."""
    settings = Settings(temporal_address=temporal_address, temporal_namespace=SPARE)
    with pytest.raises(BadRequest, match="refused"):
        await replay.run(settings, replay.PARSER.parse_args(["--query", "Nonsense = 1"]))


def test_absent_server() -> None:
    """Without Temporal the command says so."""
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        _run(Settings(temporal_address="127.0.0.1:1"))
