"""`carillon admin` for CSV files, on a real database."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from commands.cli import main
from runtime.settings import Settings
from tests.support.account import Seeded


@pytest.fixture
def settings(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Point the command at the seeded database."""
    seeded.restore()
    settings = Settings(database_url=seeded.url, secret_key=SecretStr("k" * 16))
    monkeypatch.setattr("commands.cli.get_settings", lambda: settings)
    return settings


def _run(capsys: pytest.CaptureFixture[str], *words: str, exit_code: int = 0) -> Any:
    """Run an action; return what it printed as JSON, or the complaints when it has to fail."""
    assert main(["admin", *words]) == exit_code
    printed = capsys.readouterr()
    if exit_code:
        return printed.err
    # Before the answer a log line says that no Temporal is there to work on what was accepted.
    _, opens, answer = printed.out.partition("{\n")
    return json.loads(opens + answer) if printed.out else None


@pytest.mark.usefixtures("settings")
def test_members_are_added(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """From a file, whose columns are mapped; the operation can be looked at."""
    file = tmp_path / "members.csv"
    file.write_text("No=1,Firm\n7,acme\n8,acme\n")
    options = ("--file", str(file), "--map", "No=1=id", "--map", "Firm=tenant_id", "--create")
    made = _run(capsys, "audience-members-add", "beta", *options)
    assert (made["name"], made["status"]) == ("audiences.add_members", "queued")
    assert made["estimated_total_rows"] == 2
    assert _run(capsys, "bulk-show", made["id"]) == made
    elsewhere = ("bulk-show", made["id"], "--environment", "production")
    assert "does not exist" in _run(capsys, *elsewhere, exit_code=1)


@pytest.mark.usefixtures("settings")
def test_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever encoding the bytes say that it is."""
    content = "\ufeffid\tname\nada\tAda\n".encode("utf-16-le")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    made = _run(capsys, "audience-members-add", "beta", "--create", "--environment", "production")
    assert made["estimated_total_rows"] == 1
    assert "/environments/production/" in made["progress_path"]


@pytest.mark.usefixtures("settings")
def test_what_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Files and mappings that cannot be read are told, and broadcasts that are not there."""
    file = tmp_path / "users.csv"
    file.write_text("name\nAda\n")
    add = ("audience-members-add", "beta", "--create", "--file")
    assert "no column for the id" in _run(capsys, *add, str(file), exit_code=1)
    gone = tmp_path / "gone.csv"
    told = _run(capsys, *add, str(gone), exit_code=1).strip()
    assert told == f"carillon: {gone}: cannot be read: No such file or directory"
    wrong = _run(capsys, *add, str(file), "--map", "name", exit_code=1)
    assert "must be COLUMN=FIELD" in wrong
    file.write_text("id\nada\n")
    for words in (
        ("broadcast-recipients-set", "sale", "--file", str(file)),
        ("broadcast-recipients-remove", "sale"),
    ):
        assert "does not exist" in _run(capsys, *words, exit_code=1)
