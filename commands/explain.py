"""`carillon explain RUN`: what a recipient run did, and why each message came or did not."""

from __future__ import annotations

import argparse
import asyncio

from domain.kit.errors import NotFound
from domain.kit.ids import read_id
from runtime.settings import Settings
from services.account.environments import get_scope
from services.composition import open_engine
from services.runs.explaining import Explanation, explain_run


def main(settings: Settings, arguments: list[str]) -> int:
    """Print the explanation of a run."""
    parser = argparse.ArgumentParser(prog="carillon explain", description=__doc__)
    parser.add_argument("run", help="id of the recipient run")
    parser.add_argument("--environment", default="development")
    parsed = parser.parse_args(arguments)
    run_id = read_id(parsed.run)
    if run_id is None:
        raise NotFound("The workflow recipient run does not exist.")

    async def run() -> Explanation:
        async with open_engine(settings, process="explain", lazy=True) as engine:
            environment = await get_scope(engine, parsed.environment)
            return await explain_run(engine, environment, run_id)

    for line in written(asyncio.run(run())):
        print(line)
    return 0


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
