"""Commands that people call work on the stack of `make dev` that runs beside them."""

from __future__ import annotations

from pathlib import Path

from commands.dev.client import StackPids, write_dev_stack
from commands.dev.home import Home
from commands.dev.joining import join_running_stack
from runtime.settings import Settings
from tests.support.dev_stack import described_stack

_DATABASE = "postgresql://postgres@/carillon?host=/tmp/of-the-stack"
_ENDED = 2**22 + 1  # more than any process id


def test_a_command_uses_the_database_and_the_key_of_the_running_stack(tmp_path: Path) -> None:
    """With another key it would encrypt credentials that the stack's workers cannot open."""
    write_dev_stack(tmp_path, described_stack(tmp_path, database_url=_DATABASE))
    joined = join_running_stack(Settings(home=tmp_path))
    assert joined.database_url == _DATABASE
    assert joined.temporal_address == "127.0.0.1:9"
    assert joined.secret_keys == (Home(tmp_path).secret_key(),)
    assert joined.allow_private_egress
    assert joined.home == tmp_path


def test_what_was_set_for_the_command_stays(tmp_path: Path) -> None:
    """A named database is another installation, whatever runs on this machine."""
    write_dev_stack(tmp_path, described_stack(tmp_path))
    elsewhere = Settings(home=tmp_path, database_url="postgresql://elsewhere/carillon")
    assert join_running_stack(elsewhere) is elsewhere
    named = Settings(home=tmp_path, database_url=_DATABASE)
    assert join_running_stack(named).secret_keys == (Home(tmp_path).secret_key(),)
    own = Settings(home=tmp_path, secret_key="a-key-of-my-own-which-is-long-enough")
    assert join_running_stack(own).secret_keys == own.secret_keys
    assert join_running_stack(own).database_url == _DATABASE


def test_without_a_running_stack_settings_stay(tmp_path: Path) -> None:
    """Neither one that has ended, nor a folder without one, nor one of another version."""
    settings = Settings(home=tmp_path)
    assert join_running_stack(settings) is settings
    ended = StackPids(_ENDED, None, [], None, None)
    write_dev_stack(tmp_path, described_stack(tmp_path, pids=ended))
    assert join_running_stack(settings) is settings
    (tmp_path / "dev.json").write_text("{}")
    assert join_running_stack(settings) is settings
    assert not (tmp_path / "secret.key").exists()
