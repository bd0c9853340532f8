"""Knock's official CLI brings content of every kind there and back, and nothing changes on the way.

The content in `knock/` beside this file was written for this test. The CLI comes from the package
registry; where there is no Node.js, or no registry, the tests are skipped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from domain.kit.json_types import JsonValue
from tests.support.account import Account
from tests.support.application import application
from tests.support.knock_cli import KnockCli
from tests.support.knock_folders import lost, read_folder, steps_within
from tests.support.node import NodePackages
from tests.support.server import done, serving

# The processes of Node.js take seconds to start on a busy machine.
pytestmark = pytest.mark.timeout(600)

_OWN = Path(__file__).with_name("knock")
_DEVELOPMENT = {"environment": "development"}
_TEXTS = {".json", ".html", ".md", ".txt"}


@pytest.fixture
async def http(account: Account) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a seeded account, and call it with its service token."""
    headers = {"authorization": f"Bearer {account.keys.service_token}"}
    async with (
        serving(application(account.engine)) as url,
        httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client,
    ):
        yield client


@pytest.fixture
def cli(node: NodePackages, http: httpx.AsyncClient, account: Account, tmp_path: Path) -> KnockCli:
    """Return the CLI, with an own copy of the content in its folder."""
    shutil.copytree(_OWN, tmp_path / "knock")
    return KnockCli(node, str(http.base_url), account.keys.service_token, tmp_path)


async def _pull(cli: KnockCli, name: str, environment: str = "development") -> Path:
    await cli("pull", "--knock-dir", name, "--environment", environment, "--force")
    return cli.folder / name


def _channel_refs(document: JsonValue) -> list[str]:
    """Return the refs of all channel steps with something to preview, at any depth."""
    return [
        step["ref"]
        for step in steps_within(document)
        if step["type"] == "channel" and step.get("channel_type") not in ("http", "in_app_guide")
    ]


async def test_content_of_every_kind_there_and_back(cli: KnockCli, http: httpx.AsyncClient) -> None:
    """Pushed, committed, promoted and pulled, all is what was written; and all of it renders.

    What was pulled leaves no draft when it is pushed again.
    """
    written = read_folder(_OWN)
    # Not with `--commit`, which the CLI forgets for audiences.
    await cli("push", "--knock-dir", "knock")
    await cli("commit", "-m", "Open the bakery", "--force")
    # A static audience belongs to its environment, and is never promoted.
    regulars = {"audience": written["audiences/regulars"]}
    query = {"environment": "production", "force": "true"}
    done(await http.put("/v1/audiences/regulars", json=regulars, params=query))
    await cli("commit", "promote", "--to", "production", "--force")

    pulled = read_folder(await _pull(cli, "pulled", "production"))

    assert set(written) <= set(pulled)
    for name, document in written.items():
        assert not list(lost(document, pulled[name])), name
        await _render(http, name, document)
    await cli("push", "--knock-dir", "pulled")
    changes = await http.get("/v1/admin/content/changes", params=_DEVELOPMENT)
    assert done(changes)["entries"] == []


async def _render(http: httpx.AsyncClient, name: str, document: JsonValue) -> None:
    """Have each channel step of a workflow rendered, which must succeed."""
    if not name.startswith("workflows/"):
        return
    scene = {
        "recipient": {"id": "ada", "name": "Ada", "email": "ada@example.com"},
        "data": {"order_id": "A-7", "ready_at": "2026-03-01T07:00:00Z", "total": "12", "lines": []},
    }
    for ref in _channel_refs(document):
        path = f"/v1/{name}/steps/{ref}/preview_template"
        answer = done(await http.post(path, json=scene, params=_DEVELOPMENT))
        assert answer["result"] == "success", (ref, answer)


async def test_lines_that_end_as_on_windows_stay(cli: KnockCli) -> None:
    """Files with CR and LF come back with both."""
    for path in (cli.folder / "knock").rglob("*"):
        if path.suffix in _TEXTS:
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    written = read_folder(cli.folder / "knock")
    assert r"\r\n" in json.dumps(written)

    await cli("push", "--knock-dir", "knock")
    pulled = read_folder(await _pull(cli, "pulled"))

    for name, document in written.items():
        assert not list(lost(document, pulled[name])), name


async def test_a_folder_is_committed_while_it_is_pushed(
    cli: KnockCli, http: httpx.AsyncClient
) -> None:
    """With `--commit` each file is committed by itself, before those that it refers to."""
    await cli("push", "--knock-dir", "knock", "--commit", "-m", "Open the bakery")

    for path in ("partials/basket", "workflows/first-order", "guides/oven-tips"):
        committed = {**_DEVELOPMENT, "hide_uncommitted_changes": "true"}
        assert done(await http.get(f"/v1/{path}", params=committed))["valid"], path


async def test_types_are_made_of_guides(cli: KnockCli) -> None:
    """`guide generate-types` writes a type with the fields of the message type."""
    await cli("push", "--knock-dir", "knock")

    await cli("guide", "generate-types", "--output-file", "guides.ts")

    written = (cli.folder / "guides.ts").read_text(encoding="utf-8")
    assert "GuideOvenTipsStep1Tip120Default" in written
    assert "dismissible" in written


async def test_a_guide_begins_with_a_message_type(cli: KnockCli, http: httpx.AsyncClient) -> None:
    """`guide new` finds those of the start, and pushes a guide that can be committed as it is."""
    for message_type in ("banner", "card", "modal"):
        key = f"{message_type}-of-ours"
        new = ("--key", key, "--name", "Ours", "--message-type", message_type, "--force")
        await cli("guide", "new", *new)
        # Not with `--push`, which the CLI sends to Knock whatever its origin is.
        await cli("guide", "validate", key)
        await cli("guide", "push", key, "--commit", "-m", "First")
        pushed = done(await http.get(f"/v1/guides/{key}", params=_DEVELOPMENT))
        assert (pushed["type"], pushed["semver"], pushed["valid"]) == (message_type, "0.0.1", True)
        assert pushed["channel_key"] == "in-app-guide"


_SHOWN = {
    "workflow": "order-journey",
    "layout": "bakery",
    "partial": "basket",
    "translation": "shop.de",
    "message-type": "tip",
    "guide": "oven-tips",
    "audience": "early-birds",
}


async def test_every_kind_is_listed_and_shown(cli: KnockCli) -> None:
    """Lists and single resources have all that the CLI prints of them."""
    await cli("push", "--knock-dir", "knock")

    for kind, key in _SHOWN.items():
        assert key in await cli(kind, "list"), kind
        assert key in await cli(kind, "get", key), kind


async def test_a_new_workflow_is_taken_as_it_is(cli: KnockCli, http: httpx.AsyncClient) -> None:
    """What `workflow new` writes of each type of step can be committed.

    Except batches: those have a sliding window without a limit, which Knock's documents require.
    """
    steps = "delay,fetch,email,in-app-feed,sms,push,chat"
    await cli("workflow", "new", "--key", "brand-new", "--name", "New", "--steps", steps, "--force")
    await cli("workflow", "push", "brand-new", "--commit", "-m", "First")

    assert done(await http.get("/v1/workflows/brand-new", params=_DEVELOPMENT))["valid"]
