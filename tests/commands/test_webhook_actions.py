"""`carillon admin webhook-…` on a real database."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from pydantic import SecretStr

from commands import admin
from runtime.settings import Settings
from tests.support.account import Seeded


def test_a_webhook_from_making_to_deleting(
    seeded: Seeded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each action prints what the admin API answers; URLs come in by standard input."""
    seeded.restore()
    settings = Settings(database_url=seeded.url, secret_key=SecretStr("k" * 16))

    def run(*words: str, given: Any = None) -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(given)))
        assert admin.main(settings, admin.PARSER.parse_args(words)) == 0
        printed = capsys.readouterr().out
        return json.loads(printed) if printed else None

    document = {"url": "https://example.com/hook", "event_types": ["message.sent"]}
    made = run("webhook-create", given=document)
    key = made.pop("signing_key")
    assert run("webhook-list") == [made]
    assert run("webhook-list", "--environment", "production") == []
    assert run("webhook-rotate", made["id"], "--grace-seconds", "60")["signing_key"] != key
    tested = run("webhook-test", made["id"])
    assert [each["id"] for each in run("webhook-log", made["id"])] == [tested["id"]]
    assert run("webhook-log", made["id"], "--status", "failed") == []
    shown = run("webhook-log", made["id"], "--delivery", tested["id"])
    assert shown["payload"]["type"] == "webhook.test"
    assert run("webhook-redeliver", made["id"], "--since", "2026-01-01") == {"count": 0}
    assert run("webhook-set", made["id"], given={"enabled": False})["enabled"] is False
    assert run("webhook-delete", made["id"]) is None
    assert run("webhook-list") == []
