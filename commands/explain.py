"""`carillon explain RUN`: what a run, or a trigger, did, and why each message came or did not."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from uuid import UUID

from domain.kit.errors import NotFound
from domain.kit.ids import read_id
from domain.kit.pages import PageRequest
from domain.kit.principals import EnvironmentScope
from runtime.settings import Settings
from services.account.environments import get_scope
from services.composition import open_for_command
from services.engine import Engine
from services.runs.explaining import Explanation, TriggerExplanation, explain_run, explain_runs


def main(settings: Settings, arguments: list[str]) -> int:
    """Print the explanation of a run, or of a trigger and its runs."""
    parser = argparse.ArgumentParser(prog="carillon explain", description=__doc__)
    parser.add_argument(
        "run", help="id of a recipient run, or the workflow_run_id that a trigger returned"
    )
    parser.add_argument("--environment", default="development")
    parser.add_argument(
        "--limit", type=int, default=20, help="maximum number of runs of a trigger (default 20)"
    )
    parsed = parser.parse_args(arguments)
    run_id = read_id(parsed.run)
    if run_id is None:
        raise NotFound("The workflow recipient run does not exist.")

    async def run() -> list[str]:
        async with open_for_command(settings, process="explain") as engine:
            environment = await get_scope(engine, parsed.environment)
            return await explained(engine, environment, run_id, limit=max(1, parsed.limit))

    for line in asyncio.run(run()):
        print(line)
    return 0


async def explained(
    engine: Engine, environment: EnvironmentScope, known_id: UUID, *, limit: int
) -> list[str]:
    """Explain a recipient run, or a trigger with each of its runs, as lines of text.

    Args:
        engine: the parts of this process.
        environment: where.
        known_id: of a recipient run, or of a trigger.
        limit: how many runs of a trigger at most.

    Raises:
        NotFound: it is neither.
    """
    try:
        return written(await explain_run(engine, environment, known_id))
    except NotFound:
        found = await explain_runs(engine, environment, known_id, PageRequest(limit))
    runs = [await explain_run(engine, environment, run.id) for run in found.runs.rows]
    return [*_of_trigger(found), *(line for run in runs for line in ("", *written(run)))]


def _of_trigger(found: TriggerExplanation) -> Iterator[str]:
    yield f"Trigger {found.trigger.id}, accepted {found.trigger.accepted_at:%Y-%m-%d %H:%M:%S}:"
    yield from found.lines
    if found.runs.after is not None:
        yield f"{len(found.runs.rows)} of its runs; --limit shows more:"


def written(explanation: Explanation) -> list[str]:
    """Write an explanation as lines of text."""
    run = explanation.run
    where = f" on the branch {run.branch!r}" if run.branch else ""
    head = f"Run {run.id} of {run.workflow_key!r} for {run.recipient.id!r}{where}: {run.status}."
    lines = [head, ""]
    for each in explanation.lines:
        step = f"{each.step_ref}: " if each.step_ref else ""
        lines.append(f"{each.at:%Y-%m-%d %H:%M:%S}  {step}{each.text}")
    lines.append("")
    if not explanation.messages:
        lines.append("It made no message.")
    lines += [text for _, text in explanation.messages]
    return lines
