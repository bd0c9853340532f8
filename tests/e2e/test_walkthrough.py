"""`carillon demo` and the examples run against a live stack, as a newcomer would run them."""

from __future__ import annotations

import pytest

from commands.dev.client import DevStack
from tests.support.programs import EXAMPLES, Program


def test_demo_shows_everything(programs: dict[str, Program], stack: DevStack) -> None:
    """The demo succeeds and shows story, feed, badges, e-mail, cancel and the Temporal UI."""
    code, printed = programs["demo"].result()
    assert code == 0, printed
    for shown in (
        "The run is paused: resumes at",
        "Welcome aboard, Ada Lovelace! Your workspace Analytical Engine is ready.",
        "badge after read   unseen 0, unread 0",
        "run_completed",
        "Subject:           Welcome, Ada Lovelace!",
        "│ Good to have you here, Ada Lovelace",
        "message.sent",
        "250 OK",
        "run_cancelled",
        "e-mails received   0",
        f"{stack.temporal_ui_url}/namespaces/default/workflows/run%2Fdevelopment%2Fwelcome%2F",
    ):
        assert shown in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name: str, programs: dict[str, Program]) -> None:
    """Every example runs to its end."""
    code, printed = programs[name].result()
    assert code == 0, printed
    assert printed


def test_demo_says_what_is_wrong(programs: dict[str, Program]) -> None:
    """Where the API does not answer, the demo ends with one sentence and a non-zero code."""
    code, printed = programs["demo without an API"].result()
    assert code == 1
    assert printed.splitlines()[-1].startswith("carillon demo: The API at http://127.0.0.1:9")
    assert "Traceback" not in printed
