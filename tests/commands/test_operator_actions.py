"""`carillon admin` for what is under way, on a real database."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from commands import admin
from commands.explain import PARSER as EXPLAIN
from commands.explain import main as explain
from commands.what_if import PARSER as WHAT_IF
from commands.what_if import main as what_if
from domain.kit.errors import BadRequest, NotFound
from runtime.settings import Settings
from tests.support.account import Seeded
from tests.support.steps import CHANNEL_KEYS

# Filters that an action does not have.
_WITHOUT = {("batch-list", "--tenant"), ("messages-retry", "--recipient")}


def test_operators_work_from_a_shell(seeded: Seeded, capsys: pytest.CaptureFixture[str]) -> None:
    """Each action reads its filter and prints what it did."""
    seeded.restore()
    settings = Settings(database_url=seeded.url, secret_key=SecretStr("k" * 16))

    def run(*words: str) -> Any:
        assert admin.main(settings, admin.PARSER.parse_args(words)) == 0
        return json.loads(capsys.readouterr().out)

    mail = CHANNEL_KEYS["email"]
    some = ("--workflow", "welcome")
    assert run("run-list-waiting", *some) == []
    assert run("run-cancel", *some) == {"runs": 0, "items": 0, "addressees": 0}
    assert run("batch-list", *some) == []
    assert run("messages-retry", *some) == {"count": 0}
    assert run("channel-hold", mail, "--environment", "production") == {"count": 0}
    (held,) = run("channel-holds")
    assert (held["channel"], held["environment"], held["messages"]) == (mail, "production", 0)
    assert run("channel-release", mail, "--environment", "production") == {"count": 0}
    assert run("channel-holds") == []
    assert run("messages-retry", "--channel", mail, "--since", "2026-01-01") == {"count": 0}
    unknown = "01a20369-4332-72dc-a9d2-ce5e359dec18"
    for action in ("run-list-waiting", "run-cancel", "batch-list", "messages-retry"):
        for name in ("--workflow", "--tenant", "--recipient"):
            if (action, name) not in _WITHOUT:
                with pytest.raises(NotFound, match="'welcom'"):
                    admin.main(settings, admin.PARSER.parse_args([action, name, "welcom"]))
    for mistyped in (unknown, "01a20369"):
        with pytest.raises(NotFound, match=mistyped):
            admin.main(settings, admin.PARSER.parse_args(["run-cancel", "--run", mistyped]))
    with pytest.raises(NotFound, match="'welcom'"):
        what_if(settings, WHAT_IF.parse_args(["--workflow", "welcom"]))
    assert what_if(settings, WHAT_IF.parse_args(["--workflow", "welcome"])) == 0
    for name in ("run-wait", "message-wait", "batch-show", "batch-close"):
        with pytest.raises(NotFound):
            admin.main(settings, admin.PARSER.parse_args([name, unknown]))
    with pytest.raises(NotFound):
        admin.main(settings, admin.PARSER.parse_args(["batch-drop", unknown, unknown]))
    with pytest.raises(NotFound):
        explain(settings, EXPLAIN.parse_args([unknown]))
    with pytest.raises(BadRequest):
        admin.main(settings, admin.PARSER.parse_args(["run-cancel"]))
