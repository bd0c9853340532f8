"""The data folder, its keys, and the ports of a stack."""

from __future__ import annotations

import json
import socket
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from commands.dev import ports
from commands.dev.client import DevStackError, read_dev_stack
from commands.dev.home import is_in_use, open_home, wipe_home
from commands.dev.ports import WantedPort, choose_ports, free_port, is_free
from commands.embedded.errors import EmbeddedError
from commands.files import write_atomically
from commands.seed.keys import SeedKeysError, load_or_make_keys


def mode_of(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_second_stack_is_kept_out(tmp_path: Path) -> None:
    """Two stacks never use one folder, and the second is told what to change."""
    with open_home(tmp_path), pytest.raises(EmbeddedError, match="CARILLON_HOME"):
        open_home(tmp_path).__enter__()
    with open_home(tmp_path):
        pass  # free again


def test_unusable_folder_is_one_clear_line(tmp_path: Path) -> None:
    """A data folder that cannot be made is refused with the variable to change."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedError, match="CARILLON_HOME") as refusal:
        open_home(tmp_path / "file").__enter__()
    assert "\n" not in str(refusal.value)


def test_secret_key_stays(tmp_path: Path) -> None:
    """The key that encrypts credentials is made once and readable by its owner alone."""
    with open_home(tmp_path) as home:
        first = home.secret_key()
        assert home.secret_key() == first
        assert len(first) >= 16
    assert mode_of(tmp_path / "secret.key") == 0o600


def test_a_folder_is_in_use_before_its_stack_is_ready(tmp_path: Path) -> None:
    """Whoever looks for a stack can tell one that starts from none, and does not keep it out."""
    assert not is_in_use(tmp_path / "new")
    with open_home(tmp_path):
        assert is_in_use(tmp_path)
    assert not is_in_use(tmp_path)


def test_reset_leaves_what_is_not_ours(tmp_path: Path) -> None:
    """Wiping removes the data of a stack and nothing else that lies in the folder."""
    (tmp_path / "notes.txt").write_text("mine")
    with open_home(tmp_path) as home:
        home.secret_key()
        (home.mail / "1.eml").touch()
    wipe_home(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_reset_refuses_a_running_stack(tmp_path: Path) -> None:
    """A folder in use is not wiped."""
    with open_home(tmp_path) as home:
        with pytest.raises(EmbeddedError, match="A running stack"):
            wipe_home(tmp_path)
        assert home.mail.is_dir()


def test_keys_are_made_once(tmp_path: Path) -> None:
    """Keys are made at the first start, carry their prefixes, and are the same ever after."""
    path = tmp_path / "keys.json"
    keys = load_or_make_keys(path)
    assert load_or_make_keys(path) == keys
    assert mode_of(path) == 0o600
    assert keys.service_token.startswith("knock_st_")
    assert set(keys.environments) == {"development", "production"}
    for pair in keys.environments.values():
        assert pair.secret_key.startswith("sk_")
        assert pair.public_key.startswith("pk_")
        assert pair.signing_key.startswith("-----BEGIN PRIVATE KEY-----")


def test_keys_of_an_older_release_are_completed(tmp_path: Path) -> None:
    """What such a file lacks is made and kept; what it has stays."""
    path = tmp_path / "keys.json"
    keys = asdict(load_or_make_keys(path))
    for pair in keys["environments"].values():
        del pair["signing_key"]
    path.write_text(json.dumps(keys))
    completed = load_or_make_keys(path)
    assert (
        completed.environments["production"].secret_key
        == (keys["environments"]["production"]["secret_key"])
    )
    assert all(pair.signing_key for pair in completed.environments.values())
    assert load_or_make_keys(path) == completed


def test_spoiled_keys_are_not_replaced(tmp_path: Path) -> None:
    """Keys that cannot be read are refused: new ones would lock every client out in silence."""
    path = tmp_path / "keys.json"
    path.write_text("{")
    with pytest.raises(SeedKeysError, match="remove it"):
        load_or_make_keys(path)
    assert path.read_text() == "{"


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """A write that cannot finish leaves neither a new file nor half of one."""
    target = tmp_path / "folder"
    (target / "in the way").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        write_atomically(target, b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_port_in_use_names_the_variable() -> None:
    """A port that another program has is refused with the setting that chooses it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(EmbeddedError, match=f"Port {port} .*CARILLON_API_PORT"):
            choose_ports(WantedPort("CARILLON_API_PORT", port), WantedPort("CARILLON_SMTP_PORT", 0))


def test_all_ports_in_use_are_named() -> None:
    """Whoever has to choose other ports learns of all of them at once."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        api, smtp = (server.getsockname()[1] for server in (one, other))
        with pytest.raises(EmbeddedError) as refusal:
            choose_ports(
                WantedPort("CARILLON_API_PORT", api),
                WantedPort("CARILLON_SMTP_PORT", smtp),
                WantedPort("CARILLON_TEMPORAL_PORT", 0),
            )
    assert str(refusal.value).startswith(
        f"Ports {api} (CARILLON_API_PORT) and {smtp} (CARILLON_SMTP_PORT) are in use. "
    )


def test_a_free_port_is_none_that_another_part_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part with any free port gets none that is given to another, although nobody listens yet."""
    given = free_port()
    offered = iter([given, given, given + 1])
    monkeypatch.setattr(ports, "free_port", lambda host: next(offered))
    wanted = (WantedPort("CARILLON_API_PORT", 0), WantedPort("CARILLON_SMTP_PORT", given))
    assert choose_ports(*wanted) == [given + 1, given]


def test_port_zero_is_any_free_one() -> None:
    """Port 0 picks a free port that outgoing connections will not take."""
    lowest_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    [port] = choose_ports(WantedPort("CARILLON_API_PORT", 0))
    assert is_free(port)
    assert port < lowest_ephemeral


def test_no_stack_is_none(tmp_path: Path) -> None:
    """A folder without a running stack has no description; a spoiled one is an error."""
    assert read_dev_stack(tmp_path) is None
    (tmp_path / "dev.json").write_text("{}")
    with pytest.raises(DevStackError):
        read_dev_stack(tmp_path)
