"""`carillon admin` for environments, signing keys and sources, on a real database."""

from __future__ import annotations

import io
import json
from typing import Any, Protocol

import pytest
from pydantic import SecretStr

from commands import admin
from domain.kit.errors import NotFound, Unprocessable
from runtime.settings import Settings
from runtime.user_token_keys import public_half
from tests.support.account import Seeded
from tests.support.user_tokens import signing_key

PRODUCTION = ("--environment", "production")
DEVELOPMENT = ("--environment", "development")


class Run(Protocol):
    """Runs an action with something on standard input."""

    def __call__(self, *words: str, given: str = "") -> Any:
        """Return what it printed, read as JSON."""


@pytest.fixture
def run(seeded: Seeded, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run an action on the seeded database."""
    seeded.restore()
    public = "https://notify.example.org"
    settings = Settings(database_url=seeded.url, secret_key=SecretStr("k" * 16), public_url=public)

    def run(*words: str, given: str = "") -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        assert admin.main(settings, admin.PARSER.parse_args(words)) == 0, capsys.readouterr().err
        printed = capsys.readouterr().out
        return json.loads(printed) if printed else None

    return run


def test_an_environment_from_making_to_removing(run: Run) -> None:
    """Each action prints what the admin API answers; keys are shown where they are made."""
    words = ("environment-create", "staging", "--name", "Staging", "--user-tokens", "optional")
    made = run(*words)
    assert [key["token"][:3] for key in made["api_keys"]] == ["sk_", "pk_"]
    assert "PRIVATE KEY" in made["signing_key"]["signing_key"]
    assert run("security-get", "--environment", "staging")["requires_user_token"] is False
    listed = run("environment-list")
    assert [one["slug"] for one in listed] == ["development", "staging", "production"]
    assert run("environment-rename", "staging", "--name", "Rehearsal")["name"] == "Rehearsal"
    assert run("environment-remove", "staging") is None
    assert [one["slug"] for one in run("environment-list")] == ["development", "production"]
    with pytest.raises(NotFound):
        run("environment-remove", "staging")
    with pytest.raises(Unprocessable):
        run("environment-remove", "production")


def test_signing_keys_are_made_taken_listed_and_revoked(run: Run) -> None:
    """The private half of one that is made here is printed once; of one's own it is not kept."""
    made = run("signing-key-create", *PRODUCTION, "--name", "Web")
    assert "PRIVATE KEY" in made["signing_key"]
    own = signing_key("own")
    taken = run("signing-key-create", *PRODUCTION, "--name", "Own", "--file", "-", given=own)
    assert taken["public_key"] == public_half(own)
    assert "signing_key" not in taken
    names = [key["name"] for key in run("signing-key-list", *PRODUCTION)]
    assert names == ["Own", "Web", "Seed"]
    assert run("signing-key-revoke", made["id"], *PRODUCTION) is None
    assert [key["name"] for key in run("signing-key-list", *PRODUCTION)] == ["Own", "Seed"]


@pytest.mark.parametrize(
    ("word", "said", "needed"),
    [("required", True, True), ("optional", False, False), ("default", None, False)],
)
def test_enhanced_security_is_set_and_shown(
    run: Run, word: str, said: bool | None, needed: bool
) -> None:
    """`default` leaves it to the environment: development needs no user tokens."""
    stored = run("security-set", word, *DEVELOPMENT)
    assert stored == {"enhanced_security": said, "requires_user_token": needed}
    assert run("security-get", *DEVELOPMENT) == stored


def test_a_source_is_made_verified_and_given_another_address(run: Run) -> None:
    """Addresses begin with the public one; a secret comes in by standard input and stays hidden."""
    made = run("source-put", "shop", given='{"name": "Shop"}')
    address = made["environment_settings"]["production"]["settings"]["endpoint"]
    assert address.startswith("https://notify.example.org/")
    secret = json.dumps({"scheme": "token", "secret": "hunter2", "header": "X-Key"})
    verified = run("source-verify", "shop", *PRODUCTION, given=secret)
    settings = verified["environment_settings"]
    assert settings["production"]["settings"]["verification"]["header"] == "x-key"
    assert settings["development"]["settings"]["verification"] is None
    assert "hunter2" not in json.dumps(verified)
    rotated = run("source-rotate", "shop", *PRODUCTION)
    assert rotated["environment_settings"]["production"]["settings"]["endpoint"] != address
    assert run("source-show", "shop") == rotated
    assert run("source-list") == [rotated]
    with pytest.raises(NotFound):
        run("source-show", "nowhere")
