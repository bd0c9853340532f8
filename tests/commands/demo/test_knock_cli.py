"""The demo of Knock's CLI needs Node.js, which is tried by hand: `make demo-cli`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from commands.demo.knock_cli import _Cli, play_cli, promote, refuse_unfinished
from commands.demo.screen import Screen
from commands.demo.stage import DemoFailed
from commands.dev.client import DevStack
from tests.support.account import Account, feed_step, workflow
from tests.support.application import application
from tests.support.dev_stack import described_stack


@pytest.fixture
async def management(account: Account) -> AsyncIterator[httpx.AsyncClient]:
    """Call the application with the service token of a seeded account."""
    transport = httpx.ASGITransport(application(account.engine))
    headers = {"authorization": f"Bearer {account.keys.service_token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", headers=headers
    ) as client:
        yield client


def _stack() -> DevStack:
    return described_stack(Path(), service_token="knock_st_secret")


def _npx(folder: Path, script: str) -> str:
    """Write an npx that does something else."""
    stand_in = folder / "npx"
    stand_in.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    stand_in.chmod(0o700)
    return str(stand_in)


async def test_without_node_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A machine without npx is told so in one sentence."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DemoFailed, match=r"Node\.js with npx"):
        await play_cli(_stack())


async def test_the_cli_is_given_token_and_address(tmp_path: Path) -> None:
    """The token goes by the environment, so that no list of processes shows it."""
    script = 'echo "$KNOCK_SERVICE_TOKEN"; echo "$@"'
    cli = _Cli(_npx(tmp_path, script), _stack(), tmp_path, Screen())

    token, words = (await cli("whoami")).splitlines()

    assert token == "knock_st_secret"
    assert words.endswith("whoami --api-origin http://127.0.0.1:9")
    assert token not in words


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo broken >&2; exit 3", "failed: broken"),
        ("exec sleep 30", "did not finish within 0.2 s"),
    ],
)
async def test_what_fails_or_hangs_ends_the_demo(tmp_path: Path, script: str, said: str) -> None:
    """The demo ends with what the CLI said, or that it said nothing in time."""
    cli = _Cli(_npx(tmp_path, script), _stack(), tmp_path, Screen())

    with pytest.raises(DemoFailed, match=said):
        await cli("whoami", seconds=0.2 if "sleep" in script else 30.0)


async def _welcome(management: httpx.AsyncClient, text: str, message: str | None = None) -> None:
    """Save the workflow that the demo changes; with a message commit it as well."""
    query = {"environment": "development"}
    if message is not None:
        query |= {"commit": "true", "commit_message": message}
    document = {"workflow": workflow("Welcome", feed_step(text))}
    answer = await management.put("/v1/workflows/welcome", json=document, params=query)
    assert answer.status_code == 200, answer.text


async def test_work_of_others_is_left_alone(management: httpx.AsyncClient) -> None:
    """The demo does not begin beside a draft or a commit that waits to be promoted."""
    await _welcome(management, "Hello")
    with pytest.raises(DemoFailed, match="that are not committed"):
        await refuse_unfinished(management)
    await _welcome(management, "Hello", "Say hello")
    with pytest.raises(DemoFailed, match="not promoted to production"):
        await refuse_unfinished(management)
    await management.put("/v1/commits/promote", params={"to_environment": "production"})
    await refuse_unfinished(management)


async def test_only_the_commits_of_the_demo_are_promoted(
    management: httpx.AsyncClient, tmp_path: Path
) -> None:
    """It is named by its message, also when somebody has committed since; without one, nothing."""
    await _welcome(management, "Hello", "Ours")
    await _welcome(management, "Bye", "Theirs")
    called = tmp_path / "called"
    cli = _Cli(_npx(tmp_path, f'echo "$@" >> {called}'), _stack(), tmp_path, Screen())
    page = (await management.get("/v1/commits", params={"environment": "development"})).json()
    ids = {each["commit_message"]: each["id"] for each in page["entries"]}

    await promote(cli, management, "None of them")
    await promote(cli, management, "Ours")

    (call,) = called.read_text(encoding="utf-8").splitlines()
    assert f"commit promote --only {ids['Ours']} " in call
