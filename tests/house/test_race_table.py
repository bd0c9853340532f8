"""Where the races and the test vectors of the engine's specification are tried.

The engine has a table of races that it has to decide, and vectors that say what comes out of what
goes in. Each is a test under its own name: `test_9_…` tries race 9, `test_a_4_…` vector A.4. So
`pytest -k test_9_` runs what is known of one of them. Whole stacks try most races at once, while
processes are killed: `tests/chaos`.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
_NAMED = re.compile(r"test_(?:a_(?P<vector>[1-9])|(?P<race>\d{1,2}))_[a-z0-9]")

RACES = {
    1: "identical triggers with one idempotency key at once",
    2: "a process that dies between commit and start",
    3: "one recipient by two ways of following",
    4: "triggers at once of a workflow that each may enter once",
    5: "a cancel before and after a trigger",
    6: "a cancel while runs are made or started",
    7: "a cancel against a timer or a walk",
    8: "a cancel while an activity is under way",
    9: "an item as its batch closes",
    10: "an item that is cancelled as its batch closes",
    11: "a batch that is full as its time comes",
    12: "an item that extends a window as its timer fires",
    13: "a batch whose carrier is missing as it closes",
    14: "a commit while batches are open",
    15: "runs at once into a throttle",
    16: "an activity that makes its message twice",
    17: "an event that comes before its wait is stored",
    18: "an event at the last moment of its wait",
    19: "two events for one wait",
    20: "a schedule that is changed or deleted as it occurs",
    21: "a later word of a provider against the outcome of its send",
    22: "a recipient who is deleted while a run waits",
    23: "a workflow that is turned off while a run waits",
    24: "preferences that change between steps",
    25: "code that is changed while runs sleep",
    26: "clocks that differ",
    27: "a run that is terminated in Temporal",
    28: "identifies at once that enter an audience",
}
VECTORS = {
    1: "sliding windows and combined data",
    2: "preferences",
    3: "conditions",
    4: "windows, schedules and clock changes",
    5: "when a fetch is tried again",
    6: "statuses of messages",
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    """Return the tests of each race and vector, by its number as names have it."""
    tests: dict[str, list[str]] = defaultdict(list)
    for path in _TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                named := _NAMED.match(node.name)
            ):
                vector, race = named.group("vector"), named.group("race")
                tests[f"a_{vector}" if vector else race].append(f"{path.name}::{node.name}")
    return tests


@pytest.mark.parametrize("race", RACES, ids=RACES.values())
def test_each_race_is_tried(found: dict[str, list[str]], race: int) -> None:
    """A test bears the number of each race."""
    assert found.get(str(race))


@pytest.mark.parametrize("vector", VECTORS, ids=VECTORS.values())
def test_each_vector_is_tried(found: dict[str, list[str]], vector: int) -> None:
    """A test bears the number of each group of vectors."""
    assert found.get(f"a_{vector}")


def test_no_number_stands_for_nothing(found: dict[str, list[str]]) -> None:
    """Whoever numbers a test means a race or a vector of the tables."""
    known = {str(race) for race in RACES} | {f"a_{vector}" for vector in VECTORS}
    assert found.keys() <= known
