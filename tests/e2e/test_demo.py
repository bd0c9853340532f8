"""`carillon demo` and the examples run against a live stack, as a newcomer would run them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from runtime.dev.client import DevStack

ROOT = Path(__file__).parents[2]
DEMO = "demo"
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


async def run(stack: DevStack, *command: str, **changes: str) -> tuple[int | None, str]:
    """Run a program in the environment of a newcomer; exit code, and all it printed."""
    environment = {
        **os.environ,
        "CARILLON_HOME": str(Path(stack.mail_dir).parent),
        "KNOCK_BASE_URL": stack.api_url,
        "KNOCK_API_KEY": stack.environments["development"].secret_key,
        **changes,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


@pytest.fixture(scope="module")
async def shows(stack: DevStack) -> dict[str, tuple[int | None, str]]:
    """Run the demo and all examples at once: most of their time is waiting."""
    commands = {name: (f"examples/{name}",) for name in EXAMPLES}
    commands[DEMO] = ("-m", "runtime.cli", "demo")
    results = await asyncio.gather(*(run(stack, *command) for command in commands.values()))
    return dict(zip(commands, results, strict=True))


def test_demo_shows_everything(shows: dict[str, tuple[int | None, str]], stack: DevStack) -> None:
    """The demo succeeds and shows story, feed, badges, e-mail, cancel and the Temporal UI."""
    code, printed = shows[DEMO]
    assert code == 0, printed
    for shown in (
        "The run is paused: resumes at",
        "Welcome aboard, Ada Lovelace! Your workspace Analytical Engine is ready.",
        "badge after read   unseen 0, unread 0",
        "run_completed",
        "Subject:           Welcome, Ada Lovelace!",
        "│ Good to have you here, Ada Lovelace",
        "message.sent",
        "250 OK",
        "run_cancelled",
        "e-mails received   0",
        f"{stack.temporal_ui_url}/namespaces/default/workflows/run%2Fdevelopment%2Fwelcome%2F",
    ):
        assert shown in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(name: str, shows: dict[str, tuple[int | None, str]]) -> None:
    """Every example runs to its end."""
    code, printed = shows[name]
    assert code == 0, printed
    assert printed


async def test_demo_says_what_is_wrong(stack: DevStack, tmp_path: Path) -> None:
    """Where the API does not answer, the demo ends with one sentence and a non-zero code."""
    description = (Path(stack.mail_dir).parent / "dev.json").read_text()
    (tmp_path / "dev.json").write_text(description.replace(stack.api_url, "http://127.0.0.1:9"))
    code, printed = await run(stack, "-m", "runtime.cli", "demo", CARILLON_HOME=str(tmp_path))
    assert code == 1
    assert printed.splitlines()[-1].startswith("carillon demo: The API at http://127.0.0.1:9")
    assert "Traceback" not in printed
