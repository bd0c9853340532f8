"""Replay what Temporal remembers against today's workflow code, before that code is deployed.

A run lives up to a year; code that cannot replay it leaves it stuck. This finds such runs.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.json_format import ParseError
from temporalio.client import Client, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from commands.files import unreadable
from commands.worker import workflow_runner
from domain.kit.errors import AppError, BadRequest, InvalidParams, NotFound, Unavailable
from runtime.settings import Settings
from runtime.temporal import DATA_CONVERTER, connect, is_away, native_runtime
from temporal_workflows import WORKFLOWS

_NAME_ATTRIBUTE = "__temporal_workflow_definition"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One execution that was replayed, and why it failed to, if it did."""

    workflow_id: str
    failure: str | None


PARSER = argparse.ArgumentParser(
    prog="carillon replay",
    description=(
        "Replay runs of the connected Temporal server, open ones first, or recorded "
        "histories, against the current workflow code."
    ),
)
PARSER.add_argument("paths", nargs="*", type=Path, help="recorded histories, or folders of them")
PARSER.add_argument("--query", default="", help="a Temporal list filter that narrows the runs")
PARSER.add_argument(
    "--limit", type=int, default=1000, help="maximum number of runs (default: 1000)"
)


def main(settings: Settings, parsed: argparse.Namespace) -> int:
    """Replay and report; 1 when anything does not replay."""
    return asyncio.run(run(settings, parsed))


async def run(settings: Settings, options: argparse.Namespace) -> int:
    """Replay what the options choose, print what does not replay, and return the exit code."""
    failures = count = 0
    if options.paths:
        histories = _recorded(options.paths)
    else:
        histories = _remembered(await _connected(settings), options.query, options.limit)
    async for one in replay(histories, settings):
        count += 1
        if one.failure is not None:
            failures += 1
            print(f"{one.workflow_id}: {one.failure}", file=sys.stderr)
    print(f"{count} replayed, {failures} failed.")
    return 1 if failures else 0


async def replay(
    histories: AsyncIterator[WorkflowHistory], settings: Settings
) -> AsyncIterator[Replayed]:
    """Replay histories one after the other, and yield how each went."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(settings),
        data_converter=DATA_CONVERTER,
        runtime=native_runtime(),
    )
    async with replayer.workflow_replay_iterator(histories) as results:
        async for result in results:
            error = result.replay_failure
            failure = None if error is None else f"{type(error).__name__}: {error}"
            yield Replayed(result.history.workflow_id, failure)


async def _recorded(paths: list[Path]) -> AsyncIterator[WorkflowHistory]:
    """Yield histories from files and folders, in order.

    Raises:
        NotFound: a path leads to none.
        InvalidParams: a file is none, or cannot be read.
    """
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files or not all(file.is_file() for file in files):
            raise NotFound(f"There is no recorded history at {path}.")
        for file in files:
            yield _read(file)


def _read(file: Path) -> WorkflowHistory:
    """Read a recorded history. Raises InvalidParams."""
    try:
        history = WorkflowHistory.from_json(file.stem, file.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(file, error) from error
    except (ValueError, LookupError, TypeError, AttributeError, ParseError):
        history = None
    # One that begins with anything else would be replayed without end.
    if (
        history is None
        or not history.events
        or not history.events[0].HasField("workflow_execution_started_event_attributes")
    ):
        raise InvalidParams.of(str(file), "is not a recorded history")
    return history


async def _connected(settings: Settings) -> Client:
    """Connect to the server, before anything is made that would have to be ended if it is away.

    Raises:
        Unavailable: it is away.
        BadRequest: it refuses this client.
    """
    try:
        return await connect(settings, lazy=False, identity="carillon-replay")
    except (RPCError, RuntimeError) as error:
        raise _told(error, settings.temporal_address) from error


def _told(error: Exception, address: str) -> AppError:
    """Return what an operator is told of an error of Temporal."""
    if isinstance(error, RPCError) and not is_away(error):
        return BadRequest(f"Temporal refused the request: {error}")
    return Unavailable(
        f"Temporal at {address} cannot be reached. Start it, or set CARILLON_TEMPORAL_ADDRESS to"
        " where it is."
    )


async def _remembered(client: Client, query: str, limit: int) -> AsyncIterator[WorkflowHistory]:
    """Yield histories from a server.

    Raises:
        Unavailable: it is away.
        BadRequest: it refuses the query.
    """
    names = ", ".join(f"'{workflow_name(one)}'" for one in WORKFLOWS)
    wanted = f"WorkflowType IN ({names})" + (f" AND ({query})" if query else "")
    try:
        # Temporal lists open executions first, then the newest.
        async for execution in client.list_workflows(wanted, limit=limit):
            handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
            try:
                yield await handle.fetch_history()
            except RPCError as error:
                # Its retention may have ended since it was listed.
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
    except RPCError as error:
        raise _told(error, client.service_client.config.target_host) from error


def workflow_name(workflow: type) -> str:
    """Return the name under which Temporal knows a workflow class."""
    return str(getattr(workflow, _NAME_ATTRIBUTE).name)
