"""`carillon demo --cli`: a message is changed with Knock's official CLI, from pull to promotion.

The CLI is Knock's own, fetched by npx. The workflow is put back at the end, in both environments;
where somebody has changes of it that are not committed, or not promoted, the demo does not begin.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import httpx

from commands.demo.screen import Screen
from commands.demo.stage import DemoFailed, until
from commands.dev.client import DevStack
from runtime.process_environment import child_environment

# The version that it was tried with; another one may name its options differently.
_CLI = "@knocklabs/cli@1.1.2"
_WORKFLOW = "welcome"
_FIRST, _NEXT = "development", "production"
_TEMPLATE = Path(_WORKFLOW) / "in_app_1" / "markdown_body.md"
_MARK = "*Edited with the official CLI, "
# The first call fetches the CLI.
_FETCH_SECONDS = 300.0
_CALL_SECONDS = 120.0
_DEMO_USER = "cli-demo"


async def play_cli(stack: DevStack) -> None:
    """Play against a running stack.

    Raises:
        DemoFailed: npx is missing, or something did not happen; the message says what.
    """
    npx = shutil.which("npx")
    if npx is None:
        raise DemoFailed(
            "Knock's CLI needs Node.js with npx, which is not on PATH. Install it "
            "(https://nodejs.org, version 20 or newer), or see `make demo`."
        )
    keys = stack.environments[_NEXT]
    if not (stack.service_token and keys.secret_key):
        raise DemoFailed(f"The demo needs the seeded keys. {' '.join(stack.warnings)}")
    with tempfile.TemporaryDirectory(prefix="carillon-demo-") as folder:
        cli = _Cli(npx, stack, Path(folder), Screen())
        async with (
            _client(stack.api_url, stack.service_token) as management,
            _client(stack.api_url, keys.secret_key) as server,
        ):
            try:
                await _scenes(cli, management, server)
            except httpx.HTTPError as error:
                raise DemoFailed(f"The API at {stack.api_url} failed: {error}.") from error


def _client(url: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=70.0
    )


class _Cli:
    """Runs the CLI in a folder of its own; the token is in the environment, not on the screen."""

    def __init__(self, npx: str, stack: DevStack, folder: Path, screen: Screen) -> None:
        self.folder = folder
        self.screen = screen
        self._npx = npx
        self._origin = stack.api_url
        # Somebody's own settings of the CLI are none of the demo's business, nor are the files that
        # it puts aside in a temporary folder of a fixed name while it writes.
        temporary = folder / ".tmp"
        temporary.mkdir()
        self._environment = child_environment(
            KNOCK_SERVICE_TOKEN=stack.service_token,
            XDG_CONFIG_HOME=str(folder / ".config"),
            TMPDIR=str(temporary),
        )

    async def __call__(self, *words: str, seconds: float = _CALL_SECONDS) -> str:
        """Run a command of the CLI, show what it prints, and return that."""
        self.screen.say(f"$ knock {' '.join(words)}")
        process = await asyncio.create_subprocess_exec(
            self._npx, "--yes", _CLI, *words, "--api-origin", self._origin,
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(seconds):
                out, errors = await process.communicate()
        except TimeoutError:
            raise DemoFailed(f"`knock {words[0]}` did not finish within {seconds:g} s.") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        said = out.decode(errors="replace").strip()
        if process.returncode:
            reason = errors.decode(errors="replace").strip() or said
            raise DemoFailed(f"`knock {' '.join(words)}` failed: {reason}")
        for line in said.splitlines():
            # Where it has pulled to is a folder that is gone soon.
            self.screen.aside(line.replace(f"{self.folder}{os.sep}", ""))
        return said


async def _scenes(cli: _Cli, management: httpx.AsyncClient, server: httpx.AsyncClient) -> None:
    screen = cli.screen
    screen.aside(f"{_CLI}; the first call fetches it")
    screen.title(f"1. What `{_WORKFLOW}` says in {_NEXT}")
    await refuse_unfinished(management)
    before = await _message(server)
    screen.quote(before)

    screen.title("2. Pull it, and edit a file")
    await cli("whoami", seconds=_FETCH_SECONDS)
    await cli("workflow", "pull", _WORKFLOW, "--force")
    file = cli.folder / _TEMPLATE
    # A demo that was interrupted has left its mark.
    original = file.read_text(encoding="utf-8").split(f"\n\n{_MARK}")[0]
    take = secrets.token_hex(3)
    edited = f"{original}\n\n{_MARK}take {take}.*"
    file.write_text(edited, encoding="utf-8")
    screen.say(f"{_TEMPLATE} ends with: {edited.rsplit(chr(10), 1)[1]}")
    try:
        await _publish(cli, management, f"Say who edited it (take {take})")
        screen.title(f"6. What it says in {_NEXT} now")
        after = await _message(server)
        screen.quote(after)
        if _MARK.strip("*") not in after or after == before:
            raise DemoFailed("The change did not reach the message.")
    finally:
        screen.title("7. Put it back")
        file.write_text(original, encoding="utf-8")
        message = f"Take the demo back (take {take})"
        await cli("workflow", "push", _WORKFLOW, "--commit", "-m", message)
        await promote(cli, management, message)


async def refuse_unfinished(management: httpx.AsyncClient) -> None:
    """Leave somebody's own work alone, which the demo would publish. Raises DemoFailed."""
    chosen = {"resource_type": "workflow", "resource_id": _WORKFLOW}
    for where, missing in (
        ({"environment": _FIRST}, "committed"),
        ({"to_environment": _NEXT}, f"promoted to {_NEXT}"),
    ):
        query = {**where, **chosen}
        page = await _json(management.get("/v1/admin/content/changes", params=query))
        if page["entries"]:
            raise DemoFailed(
                f"The workflow `{_WORKFLOW}` has changes in {_FIRST} that are not {missing}. The"
                " demo would publish them: commit or revert them, then start it again."
            )


async def _publish(cli: _Cli, management: httpx.AsyncClient, message: str) -> None:
    """Push, commit, look what a promotion would change, and promote."""
    screen = cli.screen
    screen.title(f"3. Push the draft, and commit it in {_FIRST}")
    await cli("workflow", "push", _WORKFLOW)
    await cli(
        "commit", "-m", message, "--force",
        "--resource-type", "workflow", "--resource-id", _WORKFLOW,
    )  # fmt: skip
    screen.title(f"4. Ask what a promotion would change for past runs in {_NEXT}")
    wanted = {"from_environment": _FIRST, "workflow": _WORKFLOW, "runs": 100}
    path = f"/v1/admin/what_if?environment={_NEXT}"
    found = await _json(management.post(path, json=wanted))
    screen.fact("runs walked", found["runs"]["walked"])
    for kind in ("added", "dropped", "changed"):
        screen.fact(f"messages {kind}", found["messages"][kind])
    screen.aside(f"`carillon what-if --environment {_NEXT} --from {_FIRST}` shows them")
    screen.title(f"5. Promote the commit to {_NEXT}")
    await promote(cli, management, message)


async def promote(cli: _Cli, management: httpx.AsyncClient, message: str) -> None:
    """Promote the commit of the workflow with this message, and nothing that others committed."""
    query = {"resource_type": "workflow", "resource_id": _WORKFLOW}
    page = await _json(management.get("/v1/commits", params={"environment": _FIRST, **query}))
    for commit in page["entries"]:
        if commit.get("commit_message") == message:
            await cli("commit", "promote", "--only", commit["id"], "--force")


async def _message(server: httpx.AsyncClient) -> str:
    """Trigger the workflow in the second environment, and return what its in-app message says."""
    person = {"id": _DEMO_USER, "name": "Ada Lovelace"}
    path = f"/v1/workflows/{_WORKFLOW}/trigger"
    run = await _json(server.post(path, json={"recipients": [person]}))

    async def look() -> str | None:
        query = {"workflow_run_id": run["workflow_run_id"]}
        for message in (await _json(server.get("/v1/messages", params=query)))["items"]:
            content = await _json(server.get(f"/v1/messages/{message['id']}/content"))
            for block in content["data"].get("blocks", ()):
                if block["name"] == "body":
                    return str(block["rendered"])
        return None

    return await until(look, what="The message was not made")


async def _json(answering: Awaitable[httpx.Response]) -> Any:
    """Return what a request was answered. Raises DemoFailed for an error."""
    response = await answering
    if response.is_error:
        request = f"{response.request.method} {response.request.url.path}"
        raise DemoFailed(f"{request} was answered {response.status_code}: {response.text[:300]}")
    return response.json()
