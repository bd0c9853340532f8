"""`carillon what-if`: who would get what if drafts were committed, or a promotion made.

Walks the last runs of an environment, or triggers of a file, with what is published and with what
is not, and shows what differs. Sends nothing and stores nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
from collections.abc import Iterator
from pathlib import Path

from api.admin.what_if import ChangeOut, DifferenceOut, WhatIfOut
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import read_shape
from domain.what_if.requests import WhatIfIn
from runtime.settings import Settings
from services.account.environments import get_scope
from services.composition import open_engine
from services.what_if.trying import try_out

_SIGNS = {"added": "+", "dropped": "-", "changed": "~", "unknown": "?"}
_LINES_OF_A_CHANGE = 12
_WIDTH = 100


def main(settings: Settings, arguments: list[str]) -> int:
    """Print what would change. Raises AppError."""
    parsed = _parser().parse_args(arguments)

    async def run() -> WhatIfOut:
        async with open_engine(settings, process="what-if", lazy=True) as engine:
            environment = await get_scope(engine, parsed.environment)
            return WhatIfOut.of(await try_out(engine, environment, wanted))

    wanted = read_shape(WhatIfIn, _document(parsed))
    found = asyncio.run(run())
    if parsed.json:
        print(json.dumps(found.model_dump(mode="json"), indent=2))
        return 0
    for line in written(found):
        print(line)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="carillon what-if", description=__doc__)
    parser.add_argument("--environment", default="development")
    parser.add_argument(
        "--from",
        dest="from_environment",
        metavar="ENVIRONMENT",
        help="try what this one has published, as a promotion would bring it (default: drafts)",
    )
    parser.add_argument(
        "--from-branch",
        metavar="BRANCH",
        help="try what this branch has committed, as merging it would bring it",
    )
    parser.add_argument("--workflow", help="only runs of this workflow")
    parser.add_argument("--runs", type=int, default=1_000, help="so many, the newest ones")
    parser.add_argument(
        "--triggers", type=Path, help="walk the triggers of this JSON file instead of past runs"
    )
    parser.add_argument("--seconds", type=int, default=60, help="give up after so many seconds")
    parser.add_argument("--differences", type=int, default=20, help="show so many")
    parser.add_argument("--json", action="store_true", help="print JSON, as the API answers it")
    return parser


def _document(parsed: argparse.Namespace) -> JsonObject:
    """Write the arguments as the body of a request. Raises InvalidParams."""
    names = ("from_environment", "from_branch", "workflow", "runs", "seconds", "differences")
    document: JsonObject = {name: getattr(parsed, name) for name in names}
    if parsed.triggers is not None:
        try:
            document["triggers"] = json.loads(parsed.triggers.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidParams.of(str(parsed.triggers), f"cannot be read: {error}") from error
    return document


def written(found: WhatIfOut) -> Iterator[str]:
    """Write what was found as lines of text."""
    source = found.from_environment or "its drafts"
    if found.from_branch is not None:
        source = f"its branch {found.from_branch}"
    yield f"What if {found.environment} had the content of {source}?"
    yield ""
    for each in found.content:
        yield f"  {each.resource_type} {each.resource_id} is tried"
    for each in found.content_left_out:
        yield f"  {each.resource_type} {each.resource_id} cannot be tried, and stays as it is"
    if not found.content:
        yield "  Nothing differs from what is published."
    yield ""
    runs, messages = found.runs, found.messages
    yield f"{runs.walked} runs walked in {found.seconds:.1f} s; {runs.changed} of them change."
    yield f"{messages.before} messages before, {messages.after} after."
    if found.steps:
        yield ""
        yield f"{'':32} {'added':>8} {'dropped':>8} {'changed':>8} {'unknown':>8}"
    for step in found.steps:
        name = f"{step.workflow} / {step.step_ref}"
        yield (f"{name:32} {step.added:8} {step.dropped:8} {step.changed:8} {step.unknown:8}")
    yield from _limits(found)
    for difference in found.differences:
        yield ""
        yield from _difference(difference)
    if found.differences_left_out:
        yield ""
        yield f"{found.differences_left_out} more differences: --differences shows them."


def _limits(found: WhatIfOut) -> Iterator[str]:
    """Write what is not known, and what was not looked at."""
    lines = [
        f"unknown in {each.runs} runs of {each.workflow} from {each.step_ref} on: {each.reason}"
        for each in found.unknown
    ]
    lines += [
        f"{each.workflow} / {each.step_ref} ({each.step_type}) acts outside its run "
        f"{each.before} times before, {each.after} after; not done here"
        for each in found.effects
        if each.before != each.after
    ]
    if found.runs.unfinished:
        lines.append(f"{found.runs.unfinished} runs were given up: the time or the room was over")
    if found.runs.has_older:
        lines.append("there are older runs: --runs takes more of them")
    if lines:
        yield ""
    yield from (f"  {line}" for line in lines)


def _difference(found: DifferenceOut) -> Iterator[str]:
    who = found.recipient if isinstance(found.recipient, str) else found.recipient.id
    tenant = f" in {found.tenant}" if found.tenant else ""
    yield (
        f"{_SIGNS[found.kind]} {found.kind}: {who}{tenant}, {found.workflow} / {found.step_ref} "
        f"on {found.channel}"
    )
    if found.reason:
        yield f"    because: {found.reason}"
    before, after = found.before, found.after
    if before is not None and after is not None:
        if before.at != after.at:
            yield f"    at: {before.at:%Y-%m-%d %H:%M:%S} -> {after.at:%Y-%m-%d %H:%M:%S}"
        if before.status != after.status:
            yield f"    status: {before.status} -> {after.status}"
    else:
        message = after or before
        if message is not None:
            yield f"    at: {message.at:%Y-%m-%d %H:%M:%S}"
    if found.content_left_out:
        yield "    what it says is left out: the answer is full"
    for change in found.changes:
        yield from _change(change)


def _change(change: ChangeOut) -> Iterator[str]:
    yield f"    {change.place}:"
    lines = list(difflib.unified_diff(_text(change.before), _text(change.after), lineterm="", n=0))[
        2:
    ]
    shown = [line for line in lines if not line.startswith("@@")]
    for line in shown[:_LINES_OF_A_CHANGE]:
        yield f"      {line[0]} {line[1:]}"[:_WIDTH]
    if len(shown) > _LINES_OF_A_CHANGE:
        yield f"      … {len(shown) - _LINES_OF_A_CHANGE} lines more"


def _text(value: JsonValue) -> list[str]:
    if value is None:
        return []
    return value.splitlines() if isinstance(value, str) else [json.dumps(value)]
