"""`carillon what-if`: who would get what if drafts were committed, or a promotion made.

Walks the last runs of an environment, or those of a script, with what is published and with what is
not, and shows what differs. Sends nothing and stores nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile, zip_longest
from pathlib import Path

from api.admin.schemas.what_if import ChangeOut, DifferenceOut, GuidesOut, WhatIfOut
from api.admin.schemas.what_if_audiences import AudiencesOut
from commands.arguments import ENVIRONMENT
from commands.files import unreadable
from domain.kit.clock import in_words
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import read_shape
from domain.recipients.answers import label_of
from domain.what_if.requests import WhatIfIn
from runtime.settings import Settings
from services.account.environments import get_scope
from services.composition import open_for_command
from services.what_if.trying import try_out

_SIGNS = {"added": "+", "dropped": "-", "changed": "~", "unknown": "?"}
# What the reason of a difference is the reason of.
_OTHERWISE = {
    "added": "not before",
    "dropped": "no more",
    "unknown": "nobody knows",
    "changed": "because",
}
# Members of contents that people read first, whatever the channel.
_HEADLINES = ("subject_line", "title", "body", "summary", "markdown")
_LINES_OF_A_CHANGE = 12
# Most characters of a line; the rest of a terminal's hundred columns is its place.
_WIDTH = 90
# What is shown of a long line before it begins to differ.
_AHEAD = 20


PARSER = argparse.ArgumentParser(prog="carillon what-if", description=__doc__)
ENVIRONMENT(PARSER)
PARSER.add_argument(
    "--from",
    dest="from_environment",
    metavar="ENVIRONMENT",
    help="try what this environment has published, as after a promotion (default: drafts)",
)
PARSER.add_argument(
    "--from-branch",
    metavar="BRANCH",
    help="try what this branch has committed, as after a merge",
)
PARSER.add_argument("--workflow", help="only runs of this workflow")
PARSER.add_argument(
    "--runs", type=int, default=1_000, help="maximum number of recent runs (default 1000)"
)
PARSER.add_argument(
    "--triggers",
    metavar="FILE",
    type=Path,
    help="use the script in this JSON file instead of past runs",
)
PARSER.add_argument("--seconds", type=int, default=60, help="time limit in seconds")
PARSER.add_argument(
    "--differences", type=int, default=20, help="maximum number of differences shown"
)
PARSER.add_argument("--json", action="store_true", help="print JSON, as the API returns it")


def main(settings: Settings, parsed: argparse.Namespace) -> int:
    """Print what would change. Raises AppError."""

    async def run() -> WhatIfOut:
        async with open_for_command(settings, process="what-if") as engine:
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


def _document(parsed: argparse.Namespace) -> JsonObject:
    """Write the arguments as the body of a request. Raises InvalidParams."""
    names = ("from_environment", "from_branch", "workflow", "runs", "seconds", "differences")
    document: JsonObject = {name: getattr(parsed, name) for name in names}
    if parsed.triggers is not None:
        try:
            document["triggers"] = json.loads(parsed.triggers.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise unreadable(parsed.triggers, error) from error
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
        yield f"  {each.resource_type} {each.resource_id} cannot be tried, and stays unchanged"
    if not found.content:
        yield "  Nothing differs from what is published."
    yield ""
    runs, messages = found.runs, found.messages
    yield f"{_counted(runs.walked, 'run')} walked in {found.seconds:.1f} s; {runs.changed} changed."
    yield f"{_counted(messages.before, 'message')} before, {messages.after} after."
    if found.steps:
        rows = {f"{step.workflow} / {step.step_ref}": step for step in found.steps}
        yield from _table(rows, ("added", "dropped", "changed", "unknown"))
    yield from _limits(found)
    for difference in found.differences:
        yield ""
        yield from _difference(difference)
    if found.differences_left_out:
        yield ""
        yield f"{found.differences_left_out} more differences: --differences shows more."
    if found.audiences is not None:
        yield from _audiences(found.audiences)
    if found.guides is not None:
        yield from _guides(found.guides)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _table(rows: Mapping[str, object], columns: Sequence[str]) -> Iterator[str]:
    """Write figures under their names, behind what they are of."""
    width = max(32, *map(len, rows))
    yield ""
    yield f"{'':{width}}" + "".join(f" {name:>8}" for name in columns)
    for name, figures in rows.items():
        yield f"{name:{width}}" + "".join(f" {getattr(figures, each):8}" for each in columns)


def _limits(found: WhatIfOut) -> Iterator[str]:
    """Write what is not known, and what was not looked at."""
    lines = [f"{each.place}: {each.message}" for each in found.notes]
    lines += [
        f"{_counted(each.after, 'run')} of {each.workflow} would not start, {each.before} before: "
        f"{each.reason}"
        for each in found.refused
        if each.after
    ]
    lines += [
        f"unknown in {_counted(each.runs, 'run')} of {each.workflow} from {each.step_ref} on: "
        f"{each.reason}"
        for each in found.unknown
    ]
    lines += [
        f"{each.workflow} / {each.step_ref} ({each.step_type}) acts outside its run "
        f"{each.before} times before, {each.after} after; not done here"
        for each in found.effects
        if each.before != each.after
    ]
    if found.runs.unfinished:
        given_up = _counted(found.runs.unfinished, "run")
        lines.append(f"{given_up} given up: ran out of time or memory")
    if found.runs.has_older:
        lines.append("there are older runs: use --runs to include more")
    if lines:
        yield ""
    yield from (f"  {line}" for line in lines)


def _difference(found: DifferenceOut) -> Iterator[str]:
    who = label_of(found.recipient)
    tenant = f" in {found.tenant}" if found.tenant else ""
    yield (
        f"{_SIGNS[found.kind]} {found.kind}: {who}{tenant}, {found.workflow} / {found.step_ref} "
        f"on {found.channel}"
    )
    before, after = found.before, found.after
    if before is not None and after is not None:
        if before.at != after.at:
            yield f"    at: {in_words(before.at)} -> {in_words(after.at)}"
        if before.status != after.status:
            yield f"    status: {before.status} -> {after.status}"
    else:
        message = after or before
        if message is not None:
            yield f"    at: {in_words(message.at)}"
            if said := _glance(message.content or {}):
                yield f"    says: {_clipped(said, None)}"
        yield from _reason(found.kind, found.reason)
    yield from _says(found.changes, is_left_out=found.content_left_out)


def _glance(content: JsonObject) -> str:
    """Return what a message says first, without its markup, on one line."""
    blocks = content.get("blocks") or [{}]
    said = next((text for name in _HEADLINES if (text := content.get(name))), None)
    text = str(said or blocks[0].get("rendered") or "")
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def _reason(kind: str, reason: str | None) -> Iterator[str]:
    """Write why there is nothing of a difference on its other side."""
    if reason is not None:
        yield f"    {_OTHERWISE[kind]}: {reason}"


def _says(changes: Iterable[ChangeOut], *, is_left_out: bool) -> Iterator[str]:
    if is_left_out:
        yield "    its content is left out: the answer is full"
    for change in changes:
        yield from _change(change)


def _audiences(found: AudiencesOut) -> Iterator[str]:
    yield ""
    yield f"{_counted(found.users, 'user')} compared with audiences."
    rows = {each.audience: each for each in found.figures}
    yield from _table(rows, ("before", "after", "joined", "left"))
    lines = [
        f"whoever enters {each.audience} later triggers {', '.join(each.workflows)};"
        " those who join by this do not"
        for each in found.figures
        if each.workflows
    ]
    if found.has_more:
        lines.append("there are more users: --seconds takes more of them")
    if lines:
        yield ""
    yield from (f"  {line}" for line in lines)
    if found.differences:
        yield ""
    for each in found.differences:
        does = {"added": "joins", "dropped": "leaves"}[each.kind]
        yield f"{_SIGNS[each.kind]} {each.user} {does} {each.audience}"
    if found.differences_left_out:
        yield ""
        yield f"{found.differences_left_out} more differences: --differences shows more of them."


def _guides(found: GuidesOut) -> Iterator[str]:
    yield ""
    yield f"{_counted(found.users, 'user')} looked for guides; {found.changed} would see others."
    rows = {each.guide: each for each in found.figures}
    yield from _table(rows, ("before", "after", "added", "dropped", "changed"))
    lines = [
        f"{each.guide} is switched off here; this is who would see it if it were on"
        for each in found.figures
        if not each.active and each.before + each.after
    ]
    if found.unfinished:
        lines.append(f"{_counted(found.unfinished, 'user')} given up: ran out of time")
    if found.has_more:
        lines.append("there are more users: use --runs to include more")
    if lines:
        yield ""
    yield from (f"  {line}" for line in lines)
    for each in found.differences:
        tenant = f" in {each.tenant}" if each.tenant else ""
        yield ""
        yield f"{_SIGNS[each.kind]} {each.kind}: {each.user}{tenant}, guide {each.guide}"
        yield from _reason(each.kind, each.reason)
        yield from _says(each.changes, is_left_out=each.content_left_out)
    if found.differences_left_out:
        yield ""
        yield f"{found.differences_left_out} more differences: --differences shows more."


def _change(change: ChangeOut) -> Iterator[str]:
    """Write the lines that differ at a place, each from where it begins to differ."""
    yield f"    {change.place}:"
    before, after = _text(change.before), _text(change.after)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    shown: list[str] = []
    for kind, first, last, new_first, new_last in matcher.get_opcodes():
        if kind == "equal":
            continue
        old, new = before[first:last], after[new_first:new_last]
        shown += [f"- {_clipped(line, other)}" for line, other in zip_longest(old, new[: len(old)])]
        shown += [f"+ {_clipped(line, other)}" for line, other in zip_longest(new, old[: len(new)])]
    yield from (f"      {line}" for line in shown[:_LINES_OF_A_CHANGE])
    if len(shown) > _LINES_OF_A_CHANGE:
        yield f"      … {_counted(len(shown) - _LINES_OF_A_CHANGE, 'line')} more"


def _clipped(line: str, other: str | None) -> str:
    """Return as much of a line as fits, with the place where it begins to differ from another."""
    pairs = zip(line, other or "", strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = shared - _AHEAD if shared > _WIDTH - _AHEAD and len(line) > _WIDTH else 0
    shown = line[start : start + _WIDTH]
    return f"{'…' if start else ''}{shown}{'…' if start + _WIDTH < len(line) else ''}"


def _text(value: JsonValue) -> list[str]:
    if value is None:
        return []
    return value.splitlines() if isinstance(value, str) else [json.dumps(value)]
