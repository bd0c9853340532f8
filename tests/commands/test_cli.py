"""The command line: what it refuses, and in which words."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
import uvicorn

from commands import cli
from commands.embedded.postgres import EmbeddedPostgres
from runtime.settings import DEVELOPMENT_SECRET_KEY, Settings, get_settings
from tests.support.postgres import ROOT, migrate


@pytest.fixture(autouse=True)
def _fresh_settings() -> None:
    """Read the settings again in every test."""
    get_settings.cache_clear()


def test_unknown_queue_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A worker on a queue that nobody fills would idle in silence, so it does not start."""
    with pytest.raises(SystemExit) as end:
        cli.main(["worker", "--queues", "runs,deliver-pigeon"])
    assert end.value.code == 2
    assert "unknown queue deliver-pigeon; known: runs, fanout" in capsys.readouterr().err


def test_wrong_setting_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that cannot be read is named as the variable that holds it."""
    monkeypatch.setenv("CARILLON_API_PORT", "eighty")
    assert cli.main(["migrate"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("carillon: CARILLON_API_PORT: must be a valid integer")


def test_absent_database_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrating without a database ends with one line that says so."""
    monkeypatch.setenv("CARILLON_DATABASE_URL", "postgresql://carillon@127.0.0.1:1/carillon")
    assert cli.main(["migrate"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("carillon: The database cannot be reached: ")


def test_locked_table_is_told_and_the_next_attempt_goes_on(
    postgres: EmbeddedPostgres, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrating never waits long for a table: it gives up, and says what to do."""
    url = postgres.ensure_database(f"locked_{uuid.uuid4().hex[:12]}")
    migrate(url, "0003")
    monkeypatch.setenv("CARILLON_DATABASE_URL", url)
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE event_waits IN ACCESS SHARE MODE")
        assert cli.main(["migrate"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line == "carillon: A table stayed locked too long; run `carillon migrate` again."
    assert cli.main(["migrate"]) == 0


def test_migrations_take_turns(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that finds another at work waits for it, longer than for any table."""
    url = postgres.ensure_database(f"turns_{uuid.uuid4().hex[:12]}")
    monkeypatch.setenv("CARILLON_DATABASE_URL", url)
    command = [sys.executable, "-m", "commands.cli", "migrate"]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]


def test_migrate_works_from_any_folder(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Migrating finds the migrations wherever it is called, and may be repeated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CARILLON_DATABASE_URL", database_url)
    assert cli.main(["migrate"]) == 0
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The help names each subcommand with what it is for."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    told = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert name in told
        assert command.summary in told


def test_a_command_that_is_none_is_told_which_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a subcommand, or with an unknown one, nothing is done."""
    for words, told in (([], "required: command"), (["juggle", "--help"], "'what-if'")):
        with pytest.raises(SystemExit) as end:
            cli.main(words)
        assert end.value.code == 2
        assert told in capsys.readouterr().err


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_is_there_where_a_setting_is_wrong(name: str, tmp_path: Path) -> None:
    """As a shell sees it: words are read before settings."""
    done = _run_as_program(name, "--help", CARILLON_API_PORT="eighty", CARILLON_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: carillon {name} ")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_each_command_has_help_of_its_own(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Whether it is a function or a module, and before anything of it is done."""
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: carillon {name} ")


def test_server_outlasts_its_clients() -> None:
    """Idle connections are kept longer than browsers, proxies and SDKs keep them."""
    config = uvicorn.Config("api.main:create_app", **cli.server_options(Settings()))
    assert config.timeout_keep_alive > 60


def test_seeding_before_migrating_is_one_line(
    postgres: EmbeddedPostgres,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database without tables is answered with the command that makes them."""
    monkeypatch.setenv("CARILLON_DATABASE_URL", postgres.url("postgres"))
    assert cli.main(["seed", "--keys-file", str(tmp_path / "keys.json")]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("carillon: ")
    assert "`carillon migrate`" in told


COMMANDS_WITH_A_DATABASE = {
    "admin": ["admin", "key-list", "--environment", "development"],
    "explain": ["explain", "01a219e3-2c7d-79df-ae74-1eb14d89914a"],
    "migrate": ["migrate"],
    "seed": ["seed"],
    "what-if": ["what-if"],
}


@pytest.mark.parametrize("name", COMMANDS_WITH_A_DATABASE)
def test_an_absent_database_is_one_line_with_what_to_do(name: str, tmp_path: Path) -> None:
    """Of each command that ends by itself, as a shell sees it: no connection is tried again."""
    done = _run_as_program(
        *COMMANDS_WITH_A_DATABASE[name],
        CARILLON_DATABASE_URL="postgresql://carillon:hunter2@127.0.0.1:1/carillon",
        CARILLON_HOME=str(tmp_path),
    )
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("carillon: The database cannot be reached: ")
    assert line.endswith("Start it, or set CARILLON_DATABASE_URL to where it is.")
    assert "127.0.0.1" in line
    assert "hunter2" not in line


def test_an_absent_temporal_is_one_line_with_what_to_do() -> None:
    """Of the command that cannot do without."""
    done = _run_as_program("replay", CARILLON_TEMPORAL_ADDRESS="127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "carillon: Temporal at 127.0.0.1:1 cannot be reached. Start it, or set"
        " CARILLON_TEMPORAL_ADDRESS to where it is."
    ]


def test_what_is_logged_is_no_part_of_the_answer(database_url: str) -> None:
    """An answer is JSON to the last line, and warnings go to standard error."""
    done = _run_as_program(
        *("admin", "key-list", "--environment", "nowhere"),
        CARILLON_DATABASE_URL=database_url,
        CARILLON_SECRET_KEY=DEVELOPMENT_SECRET_KEY,
    )
    assert done.stdout == ""
    assert "secret_key_is_public" in done.stderr


def _run_as_program(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commands.cli", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
