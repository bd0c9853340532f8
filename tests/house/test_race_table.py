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
# By group, each row of its table and the tests that try it; behind a colon the case of a test.
VECTORS: dict[str, dict[str, str]] = {
    "a_1": {
        "one minute, extended by its item": "test_a_1_when_a_window_closes: A.1 extended",
        "twelve hours, capped": "test_a_1_when_a_window_closes: A.1 capped",
        "a limit below the window": "test_a_1_when_a_window_closes: A.1 at once, included",
        "closed early by a limit of a second": "test_a_1_when_a_window_closes: A.1 close early",
        "at most three items": "test_a_1_when_a_window_closes: A.1 maximum",
        "combined data, and a list of it": "test_a_1_data_is_combined",
        "six items of two pages": "test_a_1_six_items_of_two_pages",
        "the first item goes through": "test_a_1_flush_leading",
        "the first item and no other": "test_a_1_flush_leading_alone",
    },
    "a_2": {
        "nobody says anything": "test_a_2_verdicts: nothing",
        "the category is off": "test_a_2_verdicts: category off, workflow on",
        "a channel is on, its type is off": "test_a_2_verdicts: channel on, its type off",
        "another channel of the type": "test_a_2_verdicts: another channel on, the type off",
        "the environment is off": "test_a_2_verdicts: environment off, recipient on",
        "off for a tenant": "test_a_2_verdicts: tenant on, recipient off for it",
        "a tenant's default": "test_a_2_verdicts: the default set does not count beside",
        "no tenant's default": "test_a_2_verdicts: the default set counts where nothing is",
        "a tenant that replaces": "test_a_2_verdicts: the tenant replaces",
        "what reads show of it": "test_a_2_a_set_is_read_with_what_is_laid_over_it",
        "two categories": "test_a_2_verdicts: two categories",
        "an override": "test_a_2_a_workflow_may_override_preferences",
        "commercial, unsubscribed, for a tenant":
            "test_a_2_who_is_unsubscribed_gets_nothing_commercial: on behalf of a tenant",
        "muted": "test_a_2_verdicts: muted",
    },
    "a_3": {
        "values": "test_a_3_values",
        "messages of an earlier step": "test_a_3_messages",
    },
    "a_4": {
        "weekly, the same day": "test_a_4_vectors: weekly, the same day",
        "weekly, strictly after now": "test_a_4_vectors: weekly, strictly after now",
        "in the gap": "test_a_4_vectors: daily in the gap",
        "in the overlap": "test_a_4_vectors: daily in the overlap",
        "a short month": "test_a_4_vectors: monthly, a short month",
        "every second week": "test_a_4_every_second_week",
        "windows by the same rules": "test_a_4_next_instant",
        "windows at clock changes": "test_a_4_clock_changes",
        "windows every second week": "test_a_4_an_interval_counts_from_its_anchor",
        "a delay until what is past": "test_a_4_unusable_value_skips_with_an_error: 2001-01-01",
        "a batch until what is past": "test_a_4_unusable_window_skips_with_an_error: 2001-01-01",
    },
    "a_5": {
        "500, 500, 200": "test_a_5_500_500_200",
        "500 three times": "test_a_5_500_three_times",
        "404, 202": "test_a_5_what_fails_at_once",
        "16 seconds without an answer": "test_a_5_a_slow_server",
        "204": "test_a_5_empty_answers_change_nothing",
    },
    "a_6": {
        "accepted, webhook delivered": "test_a_6_what_a_provider_tells_later: webhook delivered",
        "503, 503, accepted": "test_a_6_emails: 503, 503, accepted",
        "eight failures": "test_a_6_emails: eight failures",
        "401": "test_a_6_emails: 401",
        "accepted, bounce webhook": "test_a_6_what_a_provider_tells_later: bounce webhook",
        "push": "test_a_6_push",
        "in-app": "test_a_6_in_app",
        "webhook channel 200": "test_a_6_webhooks: 200",
        "webhook channel 404": "test_a_6_webhooks: 404",
        "webhook channel 500": "test_a_6_webhooks: 500 eight times",
        "sandbox": "test_a_6_channel_in_sandbox",
        "outside its send window": "test_a_6_outside_its_send_window",
    },
}  # fmt: skip
_ROWS = [(group, row) for group, rows in VECTORS.items() for row in rows]


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, str]]:
    """Return the tests of each race and vector, by its number as names have it, with their text."""
    tests: dict[str, dict[str, str]] = defaultdict(dict)
    for path in _TESTS.rglob("test_*.py"):
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                named := _NAMED.match(node.name)
            ):
                vector, race = named.group("vector"), named.group("race")
                # The cases of a test stand above it, or in a table of its file.
                tests[f"a_{vector}" if vector else race][node.name] = text
    return tests


@pytest.mark.parametrize("race", RACES, ids=RACES.values())
def test_each_race_is_tried(found: dict[str, dict[str, str]], race: int) -> None:
    """A test bears the number of each race."""
    assert found.get(str(race))


@pytest.mark.parametrize(("group", "row"), _ROWS, ids=[f"{group}: {row}" for group, row in _ROWS])
def test_each_vector_is_tried(found: dict[str, dict[str, str]], group: str, row: str) -> None:
    """Each row of each table has its test, and the case in it."""
    name, _, case = VECTORS[group][row].partition(": ")
    assert name in found[group]
    assert case in found[group][name]


def test_each_test_of_a_vector_tries_a_row(found: dict[str, dict[str, str]]) -> None:
    """Whoever gives a test the number of a vector says which row it is for."""
    for group, rows in VECTORS.items():
        assert found[group].keys() == {test.partition(": ")[0] for test in rows.values()}


def test_no_number_stands_for_nothing(found: dict[str, dict[str, str]]) -> None:
    """Whoever numbers a test means a race or a vector of the tables."""
    assert found.keys() <= {str(race) for race in RACES} | VECTORS.keys()
