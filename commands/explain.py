"""`carillon explain ID`: what a run, or a trigger, did, and why each message came or did not."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator

from commands.arguments import ENVIRONMENT
from domain.kit.clock import in_words
from domain.kit.errors import NotFound
from domain.kit.ids import read_id
from domain.kit.pages import PageRequest
from domain.kit.principals import EnvironmentScope
from runtime.settings import Settings
from services.account.environments import get_scope
from services.reading import Reads, open_reader
from services.runs.explaining import (
    Explanation,
    TriggerExplanation,
    explain_run,
    explain_runs,
    run_of_message,
)

PARSER = argparse.ArgumentParser(prog="carillon explain", description=__doc__)
PARSER.add_argument(
    "id",
    help="id of a recipient run, the workflow_run_id that a trigger returned, or id of a message",
)
ENVIRONMENT(PARSER)
PARSER.add_argument(
    "--limit", type=int, default=20, help="maximum number of runs of a trigger (default 20)"
)


def main(settings: Settings, parsed: argparse.Namespace) -> int:
    """Print the explanation of a run, or of a trigger and its runs."""

    async def run() -> list[str]:
        async with open_reader(settings) as reader:
            environment = await get_scope(reader, parsed.environment)
            return await explained(reader, environment, parsed.id, limit=max(1, parsed.limit))

    for line in asyncio.run(run()):
        print(line)
    return 0


async def explained(
    reads: Reads, environment: EnvironmentScope, name: str, *, limit: int
) -> list[str]:
    """Explain a recipient run, or a trigger with each of its runs, as lines of text.

    Args:
        reads: the parts of this process.
        environment: where.
        name: the id of a recipient run, of a trigger, or of a message of a run.
        limit: how many runs of a trigger at most.

    Raises:
        NotFound: it is none of them.
    """
    known_id = read_id(name)
    if known_id is None:
        raise _unknown(name, environment)
    try:
        return written(await explain_run(reads, environment, known_id))
    except NotFound:
        pass
    run_id = await run_of_message(reads, environment, known_id)
    if run_id is not None:
        return written(await explain_run(reads, environment, run_id))
    try:
        found = await explain_runs(reads, environment, known_id, PageRequest(limit))
    except NotFound:
        raise _unknown(name, environment) from None
    runs = [await explain_run(reads, environment, run.id) for run in found.runs.rows]
    return [*_of_trigger(found), *(line for run in runs for line in ("", *written(run)))]


def _unknown(name: str, environment: EnvironmentScope) -> NotFound:
    return NotFound(
        f"There is no recipient run, trigger or message of a run with the id {name[:255]!r} in"
        f" {environment.slug}; --environment names another environment."
    )


def _of_trigger(found: TriggerExplanation) -> Iterator[str]:
    yield f"Trigger {found.trigger.id}, accepted {in_words(found.trigger.accepted_at)}:"
    yield from found.lines
    if found.runs.after is not None:
        yield f"{len(found.runs.rows)} of its runs; --limit shows more:"


def written(explanation: Explanation) -> list[str]:
    """Write an explanation as lines of text."""
    run = explanation.run
    where = f" on the branch {run.branch!r}" if run.branch else ""
    whom = run.recipient.label
    head = f"Run {run.id} of {run.workflow_key!r} for {whom!r}{where}: {run.status}."
    lines = [head, ""]
    for each in explanation.lines:
        step = f"{each.step_ref}: " if each.step_ref else ""
        lines.append(f"{in_words(each.at)}  {step}{each.text}")
    lines.append("")
    if not explanation.messages:
        lines.append("It made no message.")
    lines += [text for _, text in explanation.messages]
    return lines
