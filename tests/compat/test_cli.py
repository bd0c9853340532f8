"""Knock's official CLI brings content of every kind there and back, and nothing changes on the way.

The content in `knock/` beside this file was written for this test. The CLI comes from the package
registry; where there is no Node.js, or no registry, the tests are skipped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from domain.kit.json_types import JsonValue
from tests.support.account import Account
from tests.support.application import application
from tests.support.knock_cli import KnockCli
from tests.support.node import NodePackages
from tests.support.server import done, serving

# The processes of Node.js take seconds to start on a busy machine.
pytestmark = pytest.mark.timeout(600)

_OWN = Path(__file__).with_name("knock")
_DEVELOPMENT = {"environment": "development"}
_TEXTS = {".json", ".html", ".md", ".txt"}
_MAIN = {
    "layouts": "layout.json",
    "partials": "partial.json",
    "message-types": "message_type.json",
    "workflows": "workflow.json",
    "audiences": "audience.json",
    "guides": "guide.json",
}


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


def _read(folder: Path) -> dict[str, JsonValue]:
    """Return every resource of a folder as one document, with its files in their places."""
    found: dict[str, JsonValue] = {}
    for kind, main in _MAIN.items():
        for path in sorted((folder / kind).glob(f"*/{main}")):
            document = json.loads(path.read_bytes())
            found[f"{kind}/{path.parent.name}"] = _whole(document, path.parent)
    for path in sorted((folder / "translations").glob("*/*")):
        found[f"translations/{path.name}"] = json.loads(path.read_bytes())
    return found


def _whole(value: JsonValue, folder: Path) -> JsonValue:
    if isinstance(value, list):
        return [_whole(each, folder) for each in value]
    if not isinstance(value, dict):
        return value
    whole: dict[str, JsonValue] = {}
    for name, member in value.items():
        if name in ("__readonly", "$schema"):
            continue
        if not name.endswith("@"):
            whole[name] = _whole(member, folder)
            continue
        file = folder / member
        text = file.read_bytes().decode()
        is_document = file.suffix == ".json" and name.startswith("visual_blocks")
        # Paths in a file of blocks are relative to the folder of its step.
        whole[name[:-1]] = _whole(json.loads(text), file.parent) if is_document else text
    return whole


def _lost(written: JsonValue, stored: JsonValue, place: str = "") -> Iterator[str]:
    """Yield where something that was written is not stored as it is; defaults may be added."""
    if isinstance(written, dict) and isinstance(stored, dict):
        for name, member in written.items():
            if name not in stored:
                yield f"{place}.{name} is gone"
            else:
                yield from _lost(member, stored[name], f"{place}.{name}")
    elif isinstance(written, list) and isinstance(stored, list) and len(written) == len(stored):
        for index, (one, other) in enumerate(zip(written, stored, strict=True)):
            yield from _lost(one, other, f"{place}[{index}]")
    elif written != stored:
        yield f"{place}: {written!r} is {stored!r}"


async def _pull(cli: KnockCli, name: str, environment: str = "development") -> Path:
    await cli("pull", "--knock-dir", name, "--environment", environment, "--force")
    return cli.folder / name


def _channel_refs(value: JsonValue) -> Iterator[str]:
    """Yield the refs of all channel steps, at any depth."""
    if isinstance(value, dict):
        if value.get("type") == "channel" and value.get("channel_type") != "http":
            yield value["ref"]
        for member in value.values():
            yield from _channel_refs(member)
    elif isinstance(value, list):
        for member in value:
            yield from _channel_refs(member)


async def test_content_of_every_kind_there_and_back(cli: KnockCli, http: httpx.AsyncClient) -> None:
    """Pushed, committed, promoted and pulled, all is what was written; and all of it renders.

    What was pulled leaves no draft when it is pushed again.
    """
    written = _read(_OWN)
    # Not with `--commit`, which the CLI forgets for audiences.
    await cli("push", "--knock-dir", "knock")
    await cli("commit", "-m", "Open the bakery", "--force")
    # A static audience belongs to its environment, and is never promoted.
    regulars = {"audience": written["audiences/regulars"]}
    query = {"environment": "production", "force": "true"}
    done(await http.put("/v1/audiences/regulars", json=regulars, params=query))
    await cli("commit", "promote", "--to", "production", "--force")

    pulled = _read(await _pull(cli, "pulled", "production"))

    assert set(written) <= set(pulled)
    for name, document in written.items():
        assert not list(_lost(document, pulled[name])), name
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
    written = _read(cli.folder / "knock")
    assert r"\r\n" in json.dumps(written)

    await cli("push", "--knock-dir", "knock")
    pulled = _read(await _pull(cli, "pulled"))

    for name, document in written.items():
        assert not list(_lost(document, pulled[name])), name
