"""A command imports what it needs, and little more: somebody waits for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from commands import admin
from commands.actions import ACTIONS
from tests.support.postgres import ROOT

_PROGRAM = """
import sys
from commands.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("\\n".join(sys.modules))
"""
# What serves requests, and what works on queues.
_SERVERS = {"fastapi", "uvicorn", "temporalio.worker", "activities", "commands.worker"}
_WALKS = {"liquid", "markdown_it", "services.walk.transaction", "services.audiences.refresh"}


def _imported(*words: str) -> set[str]:
    """Return the modules of a process that runs a command without a database."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *words],
        cwd=ROOT,
        env={**os.environ, "CARILLON_DATABASE_URL": "postgresql://carillon@127.0.0.1:1/carillon"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return set(done.stdout.splitlines())


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (("--help",), {*_SERVERS, *_WALKS, "temporalio", "psycopg", "services"}),
        (("explain", "some"), {*_SERVERS, *_WALKS, "temporalio", "providers"}),
        (("admin", "key-list"), {*_SERVERS, *_WALKS, "commands.webhook_actions"}),
        (("admin", "bulk-list"), _SERVERS),
        (("admin", "run-list-waiting"), _SERVERS),
        (("what-if",), _SERVERS),
    ],
)
def test_a_command_leaves_out_what_it_does_not_need(
    words: tuple[str, ...], unneeded: set[str]
) -> None:
    """The API's framework and a worker take seconds to import, and so do templates and walks."""
    assert not _imported(*words) & unneeded


def test_every_action_is_found_by_its_first_word() -> None:
    """Only the module that has an action is imported for it."""
    for name in _names():
        (module,) = {admin.MODULES[name.partition("-")[0]]}
        function = ACTIONS.choices[name].get_default("action")
        assert function.__module__ == f"commands.{module}"


def test_every_action_is_given_its_environment_in_one_way() -> None:
    """By an option with one default; what is done to an environment itself takes its slug."""
    for name in _names():
        usage = ACTIONS.choices[name].format_help()
        assert "\n  environment " not in usage, name
        if "--environment" in usage:
            assert "slug of the environment (default: development)" in " ".join(usage.split())


def _names() -> list[str]:
    with pytest.raises(SystemExit):
        admin.PARSER.parse_args(["--help"])
    return list(ACTIONS.choices)
