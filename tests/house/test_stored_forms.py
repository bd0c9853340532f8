"""Words that rows hold for as long as their runs may sleep: they are only ever added to."""

from __future__ import annotations

import ast
import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.contract.runs import FIRST_KINDS, Directive
from domain.workflows import Cursor
from services.walk.moves import Move
from temporal_workflows.waits import SPEAKS

WALK = Path(__file__).parents[2] / "services" / "walk"
# What a step left behind, by the word in `recipient_runs.step_outcomes`.
OUTCOMES = {
    "batched",
    "branched",
    "done",
    "failed",
    "halted",
    "retrying",
    "sent",
    "skipped",
    "waited",
    "waiting",
}
MOVES = {"Done", "Halted", "Into", "Skipped", "Waiting"}
DIRECTIVES = {"await_batch", "await_event", "fetch", "finished", "sleep_until", "walk_on"}
CURSORS = {
    "": Cursor(""),
    "email_1": Cursor("email_1"),
    "email_1/2": Cursor("email_1", attempt=2),
    "batch_1/resume": Cursor("batch_1", resumes=True),
    "batch_1/resume/2": Cursor("batch_1", resumes=True, attempt=2),
}


def _written(tree: ast.AST) -> Iterator[ast.expr | None]:
    """Yield whatever is written under the name `outcome`."""
    for node in ast.walk(tree):
        match node:
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "outcome":
                        yield value
            case ast.keyword(arg="outcome") | ast.AnnAssign(target=ast.Name(id="outcome")):
                yield node.value


def test_outcomes() -> None:
    """Every word that a walk writes is listed here, and every listed one is still written."""
    found = {
        value.value
        for path in WALK.rglob("*.py")
        for value in _written(ast.parse(path.read_text()))
        if isinstance(value, ast.Constant)
    }
    assert found == OUTCOMES


def test_moves() -> None:
    """An executor answers one of these; each has its outcome in stored rows."""
    assert {move.__name__ for move in typing.get_args(Move)} == MOVES


def test_directives() -> None:
    """Each kind has its type; a workflow obeys all of them, and the first ones unasked."""
    union, *_ = typing.get_args(Directive)
    kinds = {
        field.default
        for member in typing.get_args(union)
        for field in dataclasses.fields(member)
        if field.name == "kind"
    }
    assert kinds == DIRECTIVES
    assert set(SPEAKS) == DIRECTIVES
    assert FIRST_KINDS == ("finished", "walk_on", "sleep_until")


@pytest.mark.parametrize("text", CURSORS)
def test_cursors(text: str) -> None:
    """A cursor of any earlier version leads to the same place."""
    assert Cursor.read(text) == CURSORS[text]
