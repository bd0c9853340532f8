"""`carillon admin` on a real database."""

from __future__ import annotations

import io
import json
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from commands import admin
from commands.cli import main
from domain.kit.ids import new_id
from runtime.settings import Settings
from tests.support.account import Seeded

PRODUCTION = ("--environment", "production")
DEVELOPMENT = ("--environment", "development")


@pytest.fixture
def settings(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Point the command at the seeded database."""
    seeded.restore()
    settings = Settings(database_url=seeded.url, secret_key=SecretStr("k" * 16))
    monkeypatch.setattr("commands.cli.get_settings", lambda: settings)
    return settings


def _run(
    settings: Settings, capsys: pytest.CaptureFixture[str], *words: str, exit_code: int = 0
) -> Any:
    """Run an action; return what it printed as JSON, or the complaints when it has to fail."""
    assert main(["admin", *words]) == exit_code
    printed = capsys.readouterr()
    if exit_code:
        return printed.err.splitlines()
    return json.loads(printed.out) if printed.out else None


def test_a_channel_is_made_and_set_up(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Credentials come in by standard input and are not printed."""
    options = ("--name", "Relay", "--type", "email", "--provider", "smtp")
    made = _run(settings, capsys, "channel-put", "relay", *options)
    document = {"provider_settings": {"url": "smtp://mail.example.com", "password": "hunter2"}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(document)))
    set_up = _run(settings, capsys, "channel-set", "relay", *PRODUCTION)

    assert made["key"] == "relay"
    assert set_up["environment_settings"]["production"]["is_valid"] is True
    assert "hunter2" not in json.dumps(set_up)


def test_the_default_layout_is_printed_as_it_is_saved(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an older environment may take over is what a fresh one has."""
    printed = _run(settings, capsys, "default-layout")

    with psycopg.connect(settings.database_url) as connection:
        row = connection.execute(
            "SELECT content FROM content_versions WHERE resource_type = 'email_layout'"
        ).fetchone()
    assert row is not None
    assert printed["email_layout"].items() <= row[0].items()


def test_default_preferences_are_set_shown_and_deleted(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read from a file or standard input, as the admin API takes them."""
    monkeypatch.setattr("sys.stdin", io.StringIO('{"categories": {"news": false}}'))
    stored = _run(settings, capsys, "preferences-set", *PRODUCTION)
    assert stored["categories"] == {"news": False}
    assert _run(settings, capsys, "preferences-get", *PRODUCTION) == stored
    assert _run(settings, capsys, "preferences-get", *DEVELOPMENT)["categories"] is None
    assert _run(settings, capsys, "preferences-delete", *PRODUCTION) is None
    assert _run(settings, capsys, "preferences-get", *PRODUCTION)["categories"] is None
    monkeypatch.setattr("sys.stdin", io.StringIO('{"categories": {"news": 1}}'))
    (line,) = _run(settings, capsys, "preferences-set", *PRODUCTION, exit_code=1)
    assert line.split(":")[1].strip() == "categories.news"


def test_complaints_name_every_field(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal is one line a violation and exit code 1."""
    monkeypatch.setattr("sys.stdin", io.StringIO('{"is_sandbox": 1, "channel_settings": 1}'))

    lines = _run(settings, capsys, "channel-set", "smtp", *DEVELOPMENT, exit_code=1)

    assert [line.split(":")[1].strip() for line in lines] == ["is_sandbox", "channel_settings"]


def test_settings_under_another_key_are_replaced_only_when_told(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell that lacks the key of the installation says so, and nothing is lost."""
    elsewhere = settings.model_copy(update={"secret_key": SecretStr("another key of ours")})
    document = json.dumps({"provider_settings": {"url": "smtp://mail.example.com"}})

    def set_up(given: Settings, *options: str, exit_code: int = 0) -> str:
        monkeypatch.setattr("commands.cli.get_settings", lambda: given)
        monkeypatch.setattr("sys.stdin", io.StringIO(document))
        assert main(["admin", "channel-set", "smtp", *PRODUCTION, *options]) == exit_code
        return capsys.readouterr().err

    set_up(settings)
    refused = set_up(elsewhere, exit_code=1)
    assert "were encrypted with the key" in refused
    assert "CARILLON_SECRET_KEY" in refused
    set_up(settings)
    set_up(elsewhere, "--replace-unreadable")
    set_up(settings, exit_code=1)


@pytest.mark.parametrize(
    ("channel_type", "provider", "told"),
    [
        (
            "chat",
            "slack",
            "unknown provider 'slack'; known for chat: chat_discord, chat_ms_teams, chat_slack,"
            " chat_whatsapp, sandbox_chat",
        ),
        (
            "sms",
            "smtp",
            "serves channels of type email, not sms; known for sms: messagebird, twilio, vonage,"
            " sandbox_sms",
        ),
        (
            "in_app_feed",
            "slack",
            "unknown provider 'slack'; known for in_app_feed: in_app_feed_knock",
        ),
    ],
)
def test_a_wrong_provider_is_told_which_serve_the_type(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    channel_type: str,
    provider: str,
    told: str,
) -> None:
    """An id is easily mistaken: Slack's is `chat_slack`."""
    options = ("--name", "Chat", "--type", channel_type, "--provider", provider)
    lines = _run(settings, capsys, "channel-put", "talk", *options, exit_code=1)
    assert lines == [f"carillon: provider: {told}"]


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_file_without_an_object_is_refused(
    settings: Settings,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    """Settings are a JSON object."""
    monkeypatch.setattr("sys.stdin", io.StringIO(text))

    assert len(_run(settings, capsys, "channel-set", "smtp", *DEVELOPMENT, exit_code=1)) == 1


def test_a_key_from_making_to_revoking(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Make, list, rotate with a grace period, revoke."""
    made = _run(settings, capsys, "key-create", *PRODUCTION, "--kind", "secret", "--name", "CI")
    rotated = _run(settings, capsys, "key-rotate", made["id"], "--grace-seconds", "60")
    _run(settings, capsys, "key-revoke", made["id"])
    listed = _run(settings, capsys, "key-list", *PRODUCTION)

    assert rotated["token"].startswith("sk_")
    assert rotated["token"] != made["token"]
    assert [key["id"] for key in listed if key["name"] == "CI"] == [rotated["id"]]


def test_a_service_token_from_making_to_revoking(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Make, list, revoke."""
    made = _run(settings, capsys, "token-create", "--name", "CI")
    before = _run(settings, capsys, "token-list")
    _run(settings, capsys, "token-revoke", made["id"])

    assert [token["name"] for token in before] == ["CI", "Seed"]
    assert [token["name"] for token in _run(settings, capsys, "token-list")] == ["Seed"]


def test_recovery_says_what_it_found(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints how many waiting runs there are, and what became of those that Temporal lost."""
    assert _run(settings, capsys, "recover", "--since", "2026-11-01") == {
        "waiting_runs": 0,
        "unknown_to_temporal": 0,
        "started_again": 0,
        "left_because_older": 0,
    }
    with pytest.raises(SystemExit):
        admin.main(settings, admin.PARSER.parse_args(["recover", "--since", "yesterday"]))
    assert "must be an ISO 8601 date or date-time" in capsys.readouterr().err


def test_the_command_is_offered_and_says_what_is_missing(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """`carillon admin …` reaches the action; what does not exist is one line and exit code 1."""
    assert main(["admin", "key-list", "--environment", "nowhere"]) == 1
    assert main(["admin", "message-retry", "nowhere"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_schedule_is_paused_and_resumed(
    settings: Settings, capsys: pytest.CaptureFixture[str], seeded: Seeded
) -> None:
    """What is shown of a schedule tells whether it is paused; an unknown id is refused."""
    schedule_id = str(new_id())
    with psycopg.connect(seeded.url) as connection:
        connection.execute(
            "INSERT INTO schedules (id, environment_id, workflow_key, collection, recipient_id,"
            " repeats, scheduled_at, failures, inserted_at, updated_at)"
            " SELECT %s, id, 'welcome', '$users', 'ann', '[]', '2020-01-01Z', 0, now(), now()"
            " FROM environments WHERE slug = 'production'",
            (schedule_id,),
        )
    where = (schedule_id, *PRODUCTION)

    assert _run(settings, capsys, "schedule-pause", *where)["paused_at"] is not None
    assert _run(settings, capsys, "schedule-show", *where)["next_occurrence_at"] is None
    resumed = _run(settings, capsys, "schedule-resume", *where)
    assert (resumed["paused_at"], resumed["workflow"]) == (None, "welcome")
    for unknown in ("nothing", schedule_id):
        (line,) = _run(settings, capsys, "schedule-show", unknown, exit_code=1)
        assert "schedule" in line
