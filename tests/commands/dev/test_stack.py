"""The whole embedded stack: real PostgreSQL, Temporal and SMTP, small programs for the rest."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from temporalio.client import Client

from commands.dev.client import (
    DevStack,
    dev_file,
    read_dev_stack,
    stop_dev_stack,
    wait_for_dev_stack,
)
from commands.dev.parts import Programs
from commands.dev.stack import Stack, running_stack
from commands.embedded.errors import EmbeddedError
from commands.processes import is_alive
from runtime.settings import Settings
from tests.commands.stand_ins import CHANNELS, stand_in
from tests.support.postgres import home_in

PROGRAMS = Programs(stand_in("prepare"), stand_in("api"), stand_in("worker"))
PORTS = {"api_port": 0, "temporal_port": 0, "temporal_ui_port": 0, "smtp_port": 0}
KEYS = {
    *("api_url", "docs_url", "temporal_address", "temporal_namespace", "temporal_ui_url"),
    *("database_url", "smtp_address", "mail_dir", "service_token", "environments", "channels"),
    *("pids", "warnings"),
}


def settings_for(home: Path, **changes: Any) -> Settings:
    """Return the settings of a stack on free ports."""
    return Settings(home=home, **{**PORTS, "workers": 2, **changes})


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Run one stack for the tests of this module."""
    settings = settings_for(home_in(tmp_path_factory.mktemp("stack")))
    async with running_stack(settings, programs=PROGRAMS) as running:
        yield running


def home_of(stack: Stack) -> Path:
    """Return the data folder of a running stack."""
    return Path(stack.description.mail_dir).parent


async def is_serving(description: DevStack) -> bool:
    """Tell whether every part does its work."""
    try:
        async with httpx.AsyncClient() as client:
            (await client.get(f"{description.api_url}/ready")).raise_for_status()
        await (await Client.connect(description.temporal_address)).count_workflows()
        with psycopg.connect(description.database_url) as connection:
            connection.execute("SELECT 1")
        host, _, port = description.smtp_address.partition(":")
        socket.create_connection((host, int(port)), timeout=2).close()
    except (httpx.HTTPError, RuntimeError, psycopg.OperationalError, OSError):
        return False
    return True


def pids_of(description: DevStack) -> set[int]:
    """Return the process ids of every child."""
    pids = description.pids
    return {pid for pid in (pids.api, pids.temporal, pids.postgres, *pids.workers) if pid}


def socket_folder(description: DevStack) -> Path:
    """Return the folder in which PostgreSQL listens."""
    return Path(str(conninfo_to_dict(description.database_url)["host"]))


async def test_description_has_the_agreed_keys(stack: Stack) -> None:
    """A ready stack describes itself to scripts, to its owner alone, with the agreed keys."""
    path = dev_file(home_of(stack))
    written = json.loads(path.read_text())
    assert set(written) == KEYS
    assert written == asdict(stack.description)
    assert set(written["pids"]) == {"supervisor", "api", "workers", "temporal", "postgres"}
    assert set(written["environments"]) == {"development", "production"}
    assert written["channels"] == CHANNELS
    assert len(written["pids"]["workers"]) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_every_part_serves(stack: Stack) -> None:
    """When a stack is ready, each address it names answers."""
    assert await is_serving(stack.description)


async def test_programs_are_told_what_development_changes(stack: Stack) -> None:
    """Our programs may reach loopback, have no rate limits, and share the addresses."""
    async with httpx.AsyncClient() as client:
        told = (await client.get(f"{stack.description.api_url}/env")).json()
    assert told["CARILLON_ALLOW_PRIVATE_EGRESS"] == "true"
    assert told["CARILLON_RATE_LIMITS"] == "false"
    assert told["CARILLON_DATABASE_URL"] == stack.description.database_url
    assert told["CARILLON_TEMPORAL_ADDRESS"] == stack.description.temporal_address
    assert told["CARILLON_SMTP_URL"] == f"smtp://{stack.description.smtp_address}"
    assert len(told["CARILLON_SECRET_KEY"]) >= 16


async def test_killed_parts_come_back(stack: Stack) -> None:
    """All parts killed at once come back on the same ports, and scripts learn their new ids."""
    before = stack.description
    for name in ("postgres", "temporal", "api", "smtp", "worker-1", "worker-2"):
        stack.kill(name)
    async with asyncio.timeout(60):
        while pids_of(stack.description) & pids_of(before) or not await is_serving(before):
            await asyncio.sleep(0.1)
    written = read_dev_stack(home_of(stack))
    assert written == stack.description
    assert stack.description.api_url == before.api_url


async def test_second_stack_on_the_folder_is_refused(stack: Stack) -> None:
    """A second stack on the same folder ends with one line and does the first no harm."""
    with pytest.raises(EmbeddedError, match="A running stack uses"):
        await Stack(settings_for(home_of(stack)), programs=PROGRAMS).start()
    assert await is_serving(stack.description)
    assert dev_file(home_of(stack)).exists()


async def test_port_in_use_is_named(stack: Stack, tmp_path: Path) -> None:
    """A port that somebody has is refused with the variable to change, before anything starts."""
    taken = int(stack.description.api_url.rpartition(":")[2])
    settings = settings_for(tmp_path / "other", api_port=taken)
    with pytest.raises(EmbeddedError, match="CARILLON_API_PORT"):
        await Stack(settings, programs=PROGRAMS).start()
    assert not (tmp_path / "other" / "postgres").exists()


async def test_equal_ports_are_named(tmp_path: Path) -> None:
    """Two parts that are given the same port are refused with both settings."""
    settings = settings_for(tmp_path / "other", api_port=18_000, smtp_port=18_000)
    with pytest.raises(EmbeddedError, match="CARILLON_API_PORT and CARILLON_SMTP_PORT are both"):
        await Stack(settings, programs=PROGRAMS).start()


async def test_running_servers_can_be_used(stack: Stack, tmp_path: Path) -> None:
    """A database and a Temporal that the user names are used, and none are started."""
    theirs = stack.description
    settings = settings_for(
        tmp_path, database_url=theirs.database_url, temporal_address=theirs.temporal_address
    )
    async with running_stack(settings, programs=PROGRAMS) as second:
        assert second.description.database_url == theirs.database_url
        assert second.description.temporal_address == theirs.temporal_address
        assert second.description.pids.postgres is None
        assert second.description.pids.temporal is None
        assert second.description.temporal_ui_url is None


async def test_broken_program_is_quoted(stack: Stack, tmp_path: Path) -> None:
    """A program that cannot start ends the stack with its own last words, and nothing is left."""
    theirs = stack.description
    settings = settings_for(
        tmp_path, database_url=theirs.database_url, temporal_address=theirs.temporal_address
    )
    broken = Programs(stand_in("prepare"), stand_in("broken"), stand_in("worker"))
    failing = Stack(settings, programs=broken)
    with pytest.raises(EmbeddedError, match="api did not start: it has a bug"):
        await failing.start()
    assert failing.logs == []
    assert not dev_file(tmp_path).exists()


async def test_broken_preparation_is_quoted(stack: Stack, tmp_path: Path) -> None:
    """What keeps the database from being prepared is told once, by whom people started."""
    theirs = stack.description
    settings = settings_for(
        tmp_path, database_url=theirs.database_url, temporal_address=theirs.temporal_address
    )
    broken = Programs(stand_in("refusing"), stand_in("api"), stand_in("worker"))
    with pytest.raises(EmbeddedError) as refusal:
        await Stack(settings, programs=broken).start()
    assert str(refusal.value) == (
        "The database cannot be prepared: There is no database "
        f"(more in {tmp_path / 'logs' / 'prepare.log'})."
    )


def supervisor(home: Path) -> subprocess.Popen[str]:
    """Start a stack as `make dev` does, in a process of its own."""
    variables = {f"CARILLON_{name.upper()}": str(port) for name, port in PORTS.items()}
    return subprocess.Popen(
        [*stand_in("supervise"), str(home)],
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


async def test_stop_and_start_again(tmp_path: Path) -> None:
    """SIGTERM stops every process and removes the description; the next start has all data."""
    # Characters that mean something to who reads a path as a URI.
    home = home_in(tmp_path) / "50%25 of c#, why?"
    counts, tokens = [], set()
    for _ in range(2):
        with supervisor(home) as process:
            running = await wait_for_dev_stack(home)
            tokens.add(running.service_token)
            with psycopg.connect(running.database_url) as connection:
                counts.append(connection.execute("SELECT count(*) FROM starts").fetchone())
            await stop_dev_stack(running)
            assert process.wait() == 0
            assert process.stdout is not None
            assert "Carillon is ready." in process.stdout.read()
        assert not any(is_alive(pid) for pid in pids_of(running))
        assert not dev_file(home).exists()
        assert not socket_folder(running).exists()
    assert counts == [(1,), (2,)]
    assert len(tokens) == 1
    assert (home / "temporal.db").stat().st_size > 0
    assert [path.name for path in home.parent.iterdir()] == [home.name]


async def test_killed_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    """After SIGKILL of the supervisor every child ends, and the folder can be used at once."""
    home = home_in(tmp_path)
    with supervisor(home) as process:
        killed = await wait_for_dev_stack(home)
        process.send_signal(signal.SIGKILL)
    with supervisor(home) as process:
        async with asyncio.timeout(60):
            while any(is_alive(pid) for pid in pids_of(killed)):
                await asyncio.sleep(0.05)
            while (running := read_dev_stack(home)) is None:
                await asyncio.sleep(0.05)
        assert await is_serving(running)
        await stop_dev_stack(running)
