"""How the Temporal dev server is found, downloaded or built, with small scripts as its tools."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime.embedded import temporal, temporal_build
from runtime.embedded.errors import EmbeddedError
from runtime.embedded.temporal import CLI_VERSION, TemporalPlace, find_temporal, start_command

# What `go install` does as far as we look: it says its version, and leaves a program in GOBIN and
# read-only modules in its cache.
GO = """#!/bin/sh
case "$1" in
  version) echo "go version go{version} linux/amd64";;
  env) echo "{gopath}";;
  install)
    echo run >> "{journal}"
    mkdir -p "$GOBIN" "$GOMODCACHE/module" && touch "$GOMODCACHE/module/x"
    chmod 500 "$GOMODCACHE/module"
    [ -n "{failure}" ] && echo "{failure}" && exit 1
    printf '#!/bin/sh\\necho temporal built\\n' > "$GOBIN/temporal" && chmod 755 "$GOBIN/temporal";;
esac
"""


def program(path: Path, text: str = "#!/bin/sh\necho temporal version 1.5.1\n") -> Path:
    """Write something that runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache, on a machine with no tools and no way out."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(temporal.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))

    async def no_way_out(folder: Path, *, say: object) -> None:
        return None

    monkeypatch.setattr(temporal, "download_temporal", no_way_out)
    return tmp_path / "cache"


def with_go(tmp_path: Path, *, version: str = "1.25.3", failure: str = "") -> Path:
    """Put a Go on PATH, and return the journal of its builds."""
    journal = tmp_path / "journal"
    text = GO.format(version=version, gopath=tmp_path / "go", journal=journal, failure=failure)
    program(tmp_path / "bin" / "go", text)
    return journal


async def test_chosen_binary_wins(cache: Path, tmp_path: Path) -> None:
    """The binary that the setting names is used, whatever else is there."""
    program(tmp_path / "bin" / "temporal")
    chosen = program(tmp_path / "mine")
    assert await find_temporal(chosen, cache, say=print) == chosen


async def test_chosen_binary_must_run(cache: Path, tmp_path: Path) -> None:
    """A setting that names no program is an error, never silently passed over."""
    program(tmp_path / "bin" / "temporal")
    with pytest.raises(EmbeddedError, match="CARILLON_TEMPORAL_CLI"):
        await find_temporal(tmp_path / "absent", cache, say=print)


async def test_installed_binary_before_the_cache(cache: Path, tmp_path: Path) -> None:
    """A `temporal` on PATH is used before one of ours."""
    program(cache / f"temporal-cli-{CLI_VERSION}" / "temporal")
    installed = program(tmp_path / "bin" / "temporal")
    assert await find_temporal(None, cache, say=print) == installed


async def test_stub_on_path_is_passed_over(cache: Path, tmp_path: Path) -> None:
    """A name on PATH that does not run is no Temporal."""
    program(tmp_path / "bin" / "temporal", "#!/bin/sh\nexit 127\n")
    kept = program(cache / f"temporal-cli-{CLI_VERSION}" / "temporal")
    assert await find_temporal(None, cache, say=print) == kept


async def test_binary_in_go_folder(cache: Path, tmp_path: Path) -> None:
    """A `temporal` that Go installed earlier is found without being on PATH."""
    with_go(tmp_path)
    installed = program(tmp_path / "go" / "bin" / "temporal")
    assert await find_temporal(None, cache, say=print) == installed


async def test_build_keeps_only_the_binary(cache: Path, tmp_path: Path) -> None:
    """A build leaves the binary in the cache and none of its gigabytes, read-only ones included."""
    with_go(tmp_path)
    binary = await find_temporal(None, cache, say=print)
    assert binary == cache / f"temporal-cli-{CLI_VERSION}" / "temporal"
    assert sorted(path.name for path in cache.iterdir()) == [
        f"temporal-cli-{CLI_VERSION}",
        "temporal-cli.lock",
    ]


async def test_two_stacks_build_once(cache: Path, tmp_path: Path) -> None:
    """Two stacks that need the binary at once build it once."""
    journal = with_go(tmp_path)
    both = await asyncio.gather(*(find_temporal(None, cache, say=print) for _ in range(2)))
    assert both[0] == both[1]
    assert journal.read_text().count("run") == 1


async def test_leftovers_of_a_killed_build_go(cache: Path, tmp_path: Path) -> None:
    """What a killed build left behind is deleted by the next one."""
    (cache / "building-old" / "modules").mkdir(parents=True)
    with_go(tmp_path)
    await find_temporal(None, cache, say=print)
    assert not (cache / "building-old").exists()


async def test_failed_build_names_the_choices(cache: Path, tmp_path: Path) -> None:
    """When nothing works, one line says why and lists what a person may do."""
    with_go(tmp_path, failure="no route to any module")
    with pytest.raises(EmbeddedError) as failure:
        await find_temporal(None, cache, say=print)
    message = str(failure.value)
    assert "no route to any module" in message
    assert "\n" not in message
    for choice in ("PATH", "CARILLON_TEMPORAL_CLI", "CARILLON_TEMPORAL_ADDRESS", "Go 1.25"):
        assert choice in message
    assert not (cache / f"temporal-cli-{CLI_VERSION}").exists()


async def test_old_go_is_replaced_by_the_wheel(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Go that is too old is not used; the toolchain comes from a Python package."""
    journal = with_go(tmp_path, version="1.24.9")

    async def from_wheel(scratch: Path) -> Path:
        text = (tmp_path / "bin" / "go").read_text()
        return program(scratch / "venv" / "go", text.replace("echo run", "echo wheel"))

    monkeypatch.setattr(temporal_build, "_go_from_wheel", from_wheel)
    await find_temporal(None, cache, say=print)
    assert journal.read_text() == "wheel\n"


def test_start_command_registers_every_search_attribute(tmp_path: Path) -> None:
    """The server is started on loopback with its file, its pragmas and each keyword."""
    place = TemporalPlace(tmp_path / "t.db", "acme", 1234, 1235, ("Environment", "Tenant"))
    line = " ".join(start_command(Path("temporal"), place))
    for part in (
        "--ip 127.0.0.1 --port 1234 --ui-port 1235",
        f"--db-filename {tmp_path / 't.db'}",
        "--namespace acme",
        "--sqlite-pragma journal_mode=wal --sqlite-pragma synchronous=1",
        "--dynamic-config-value matching.useNewMatcher=true",
        "--search-attribute Environment=Keyword --search-attribute Tenant=Keyword",
    ):
        assert part in line
