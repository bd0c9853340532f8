"""Which lines of a part's log reach the terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from commands.dev.client import DevStack, StackPids
from commands.dev.console import banner, follow_logs
from commands.dev.seeded import warnings_about, working_keys
from commands.seed.keys import EnvironmentKeys, SeededStack, SeedKeys

LOUD = [
    "2026-11-22T10:00:00Z [warning  ] temporal_away [runtime.worker]",
    '{"event": "boom", "level": "error"}',
    "time=2026-11-22T10:00:00 level=ERROR msg=boom",
    "2026-11-22 10:00:00 UTC [1] FATAL:  out of memory",
    "ValueError: broken",
]
QUIET = [
    "2026-11-22T10:00:00Z [info     ] worker_ready",
    '{"event": "an error page was asked for", "level": "info"}',
    "2026-11-22 10:00:00 UTC [1] FATAL:  the database system is starting up",
    "2026-11-22 10:00:00 UTC [1] ERROR:  duplicate key value violates unique constraint",
]


async def said_about(log: Path, lines: list[str]) -> list[str]:
    """Return what is repeated once the lines are written."""
    said: list[str] = []
    following = asyncio.create_task(follow_logs([log], said.append))
    await asyncio.sleep(0.1)
    with log.open("a") as file:
        file.write("\n".join([*lines, "[error    ] the end", ""]))
    async with asyncio.timeout(10):
        while not said:
            await asyncio.sleep(0.05)
    following.cancel()
    return said


@pytest.mark.parametrize("line", LOUD)
async def test_alarming_line_is_repeated(tmp_path: Path, line: str) -> None:
    """Warnings and errors of every part are repeated with its name."""
    said = await said_about(tmp_path / "worker-1.log", [line])
    assert said[0] == f"worker-1 | {line}"


async def test_other_lines_are_not(tmp_path: Path) -> None:
    """What is no alarm, or was written before, stays in the file."""
    log = tmp_path / "api.log"
    log.write_text("[error    ] old news\n")
    assert await said_about(log, QUIET) == ["api | [error    ] the end"]


async def test_flood_is_cut(tmp_path: Path) -> None:
    """Of many alarms at once a few are shown, with the place of the others."""
    log = tmp_path / "api.log"
    said = await said_about(log, [f"[error    ] number {number}" for number in range(50)])
    assert len(said) == 6
    assert said[-1] == f"api | … and 46 more in {log}"


def test_what_does_not_work_is_not_offered() -> None:
    """A revoked key is not shown as if it worked, and each warning has its line."""
    keys = SeedKeys("knock_st_x", {"development": EnvironmentKeys("sk_gone", "pk_x")})
    seeded = SeededStack({}, ["development secret key"], ["smtp in development"])
    working = working_keys(keys, seeded)
    told = banner(
        DevStack(
            api_url="http://127.0.0.1:8000",
            docs_url="http://127.0.0.1:8000/docs",
            temporal_address="127.0.0.1:7233",
            temporal_namespace="default",
            temporal_ui_url=None,
            database_url="postgresql://x@/y",
            smtp_address="127.0.0.1:2525",
            mail_dir="mail",
            service_token=working.service_token,
            environments=working.environments,
            channels={},
            pids=StackPids(1, 2, [3], None, None),
            warnings=warnings_about(seeded),
        )
    )
    assert "sk_gone" not in told
    assert "development secret key   (revoked)" in told
    assert "Warning: The development secret key was revoked." in told
    assert "Warning: CARILLON_SECRET_KEY does not decrypt" in told
    assert "smtp in development" in told
