"""How the Temporal dev server is found, with small scripts in its place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from commands.embedded import temporal
from commands.embedded.errors import EmbeddedError
from commands.embedded.temporal import TemporalPlace, find_temporal, start_command


def program(path: Path, text: str = "#!/bin/sh\necho temporal version 1.5.1\n") -> Path:
    """Write something that runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def downloads(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Let the SDK's download work, and return what it has downloaded."""
    done: list[Path] = []

    async def download(folder: Path, *, say: object) -> Path:
        await asyncio.sleep(0.01)
        done.append(program(folder / "temporal-sdk-python-1.35.0"))
        return done[-1]

    monkeypatch.setattr(temporal, "download_temporal", download)
    return done


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache, on a machine with no Temporal and no way out."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(temporal.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.setattr(temporal.sysconfig, "get_path", lambda name: str(tmp_path / "venv" / name))

    async def no_way_out(folder: Path, *, say: object) -> None:
        return None

    monkeypatch.setattr(temporal, "download_temporal", no_way_out)
    return tmp_path / "cache"


async def test_chosen_binary_wins(cache: Path, tmp_path: Path) -> None:
    """The binary that the setting names is used, whatever else is there."""
    program(tmp_path / "venv" / "scripts" / "temporal")
    program(tmp_path / "bin" / "temporal")
    chosen = program(tmp_path / "mine")
    assert await find_temporal(chosen, cache, say=print) == chosen


async def test_chosen_binary_must_run(cache: Path, tmp_path: Path) -> None:
    """A setting that does not name a program is an error, never silently passed over."""
    program(tmp_path / "bin" / "temporal")
    with pytest.raises(EmbeddedError, match="CARILLON_TEMPORAL_CLI"):
        await find_temporal(tmp_path / "absent", cache, say=print)


async def test_our_own_binary_before_path(cache: Path, tmp_path: Path) -> None:
    """The version that was measured, installed with our dependencies, is used before PATH's."""
    program(tmp_path / "bin" / "temporal")
    ours = program(tmp_path / "venv" / "scripts" / "temporal")
    assert await find_temporal(None, cache, say=print) == ours


async def test_path_before_a_download(cache: Path, tmp_path: Path, downloads: list[Path]) -> None:
    """A `temporal` on PATH is used rather than downloading one."""
    installed = program(tmp_path / "bin" / "temporal")
    assert await find_temporal(None, cache, say=print) == installed
    assert downloads == []


async def test_stub_on_path_is_passed_over(
    cache: Path, tmp_path: Path, downloads: list[Path]
) -> None:
    """A name on PATH that does not run is not taken for Temporal."""
    program(tmp_path / "bin" / "temporal", "#!/bin/sh\nexit 127\n")
    assert await find_temporal(None, cache, say=print) == cache / (
        "temporal-sdk/temporal-sdk-python-1.35.0"
    )


async def test_two_stacks_download_once(cache: Path, downloads: list[Path]) -> None:
    """Two stacks that need the binary at once download it once, and later ones not again."""
    both = await asyncio.gather(*(find_temporal(None, cache, say=print) for _ in range(2)))
    later = await find_temporal(None, cache, say=print)
    assert [*both, later] == downloads * 3


async def test_nothing_found_names_the_choices(cache: Path) -> None:
    """When there is no Temporal and no way to get one, one line lists what a person may do."""
    with pytest.raises(EmbeddedError) as failure:
        await find_temporal(None, cache, say=print)
    message = str(failure.value)
    assert "\n" not in message
    for choice in ("make install", "PATH", "CARILLON_TEMPORAL_CLI", "CARILLON_TEMPORAL_ADDRESS"):
        assert choice in message


def test_start_command_registers_every_search_attribute(tmp_path: Path) -> None:
    """The server is started on loopback with its file, its pragmas and each keyword."""
    place = TemporalPlace(tmp_path / "t.db", "acme", 1234, 1235, ("Environment", "Tenant"))
    line = " ".join(start_command(Path("temporal"), place))
    for part in (
        "--ip 127.0.0.1 --port 1234 --ui-port 1235",
        "--db-filename t.db",
        "--namespace acme",
        "--sqlite-pragma journal_mode=wal --sqlite-pragma synchronous=1",
        "--dynamic-config-value matching.useNewMatcher=true",
        "--search-attribute Environment=Keyword --search-attribute Tenant=Keyword",
    ):
        assert part in line
