"""Settings that cannot work are refused at the start, in one line that names the variable."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from commands import cli
from runtime.settings import Settings, get_settings
from temporal_workflows.activity_stubs import WALK_TIMEOUT

REFUSED = [
    ("DATABASE_URL", "mysql://carillon:s3cret@127.0.0.1/carillon"),
    ("DATABASE_URL", "garbage s3cret"),
    ("DATABASE_URL", "postgresql://carillon:s3cret@127.0.0.1:port/carillon"),
    ("TEMPORAL_ADDRESS", "not an address"),
    ("TEMPORAL_ADDRESS", "http://127.0.0.1:7233"),
    ("TEMPORAL_ADDRESS", "127.0.0.1"),
    ("SECRET_KEY", "s3cret"),
    ("SECRET_KEY", ""),
    ("SECRET_KEY", "a-key-that-is-long-enough,s3cret"),
    ("RATE_LIMIT_TIERS", "1"),
    ("RATE_LIMIT_TIERS", "0,0,0,0,0"),
    ("RATE_LIMIT_TIERS", "-1,5,60,200,1000"),
    ("RATE_LIMIT_TIERS", "1,5,60,200,many"),
    ("SMTP_URL", "ftp://user:s3cret@mail.example.org"),
    ("SMTP_URL", "mail.example.org:587"),
    ("PUBLIC_URL", "notify.example.org"),
    ("PUBLIC_URL", "ftp://notify.example.org"),
    ("PUBLIC_URL", "https://notify.example.org/?s3cret"),
    ("PUBLIC_URL", "http://[s3cret"),
    ("KEEP_ALIVE_SECONDS", "0"),
    ("DEFAULT_TIMEZONE", "Mars/Olympus"),
    ("DEFAULT_TIMEZONE", ""),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_wrong_setting_is_refused_in_one_line(
    name: str,
    value: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line names the variable and says what is expected, without repeating a secret."""
    get_settings.cache_clear()
    monkeypatch.setenv(f"CARILLON_{name}", value)
    assert cli.main(["migrate"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"carillon: CARILLON_{name}: ")
    assert "s3cret" not in line
    assert "Value error" not in line


def test_an_empty_path_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing does not put a stack's data into the working folder."""
    for name in ("HOME", "CACHE", "READY_FILE", "TEMPORAL_CLI"):
        monkeypatch.setenv(f"CARILLON_{name}", "")
    settings = Settings()
    assert settings.home == Settings.model_fields["home"].default
    assert (settings.cache, settings.ready_file, settings.temporal_cli) == (None, None, None)


def test_documented_forms_are_taken() -> None:
    """Every form that the documentation names is accepted."""
    settings = Settings(
        database_url="postgres://u:p%40ss@db.example.org/x?sslmode=require&host=/var/run",
        temporal_address="name.account.tmprl.cloud:7233",
        secret_key="a-key-that-is-long-enough, another-key-that-is-long",
        rate_limit_tiers="2, 10, 120, 400, 2000",
        smtp_url="smtps://user:pass@mail.example.org",
    )
    assert settings.secret_keys == ("a-key-that-is-long-enough", "another-key-that-is-long")
    assert settings.rate_limit_tiers == (2, 10, 120, 400, 2000)
    assert Settings(temporal_address="[::1]:7233").temporal_address == "[::1]:7233"


def test_a_template_ends_before_its_walk() -> None:
    """A time limit of templates that reaches that of the walk around them is refused."""
    with pytest.raises(ValidationError, match="liquid_seconds"):
        Settings(liquid_seconds=WALK_TIMEOUT.total_seconds())


@pytest.mark.parametrize(
    ("public_url", "address"),
    [
        (None, "http://127.0.0.1:8123"),
        ("https://notify.example.org/", "https://notify.example.org"),
        ("https://example.org/notify", "https://example.org/notify"),
    ],
)
def test_where_recipients_reach_the_api(public_url: str | None, address: str) -> None:
    """It is what the operator says, else where the API listens; without a slash at the end."""
    assert Settings(public_url=public_url, api_port=8123).public_address == address


def test_people_are_sent_back_to_origins_only() -> None:
    """A path, another scheme or a wildcard would say something else than it seems to."""
    origins = Settings(connect_redirects=" https://a.example.org, http://b.example:8080 ")
    assert origins.connect_redirects == ("https://a.example.org", "http://b.example:8080")
    assert Settings(connect_redirects="").connect_redirects == ()
    for wrong in ("https://a.example.org/x", "a.example.org", "https://*", "ftp://a.example.org"):
        with pytest.raises(ValidationError, match="connect_redirects"):
            Settings(connect_redirects=wrong)
