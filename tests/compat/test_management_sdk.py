"""Knock's Management SDK for Node.js, `@knocklabs/mgmt`, against the product over real HTTP.

`mgmt/drive.mjs` makes the calls; what they came to is judged here. The package is published without
tests of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.account import Account
from tests.support.application import application
from tests.support.node import NodePackages
from tests.support.server import serving

# A process of Node.js takes seconds to start on a busy machine.
pytestmark = pytest.mark.timeout(600)

_DRIVE = Path(__file__).with_name("mgmt") / "drive.mjs"
_KEYS = {
    "layout": "plain",
    "partial": "sign",
    "messageType": "tip",
    "audience": "crew",
    "guide": "tips",
    "workflow": "aboard",
}


async def _said(node: NodePackages, account: Account) -> Any:
    """Let the SDK make its calls, and return what it was told."""
    world = await account.world("development")
    await world.identify("ada", name="Ada", email="ada@example.com")
    async with serving(application(account.engine)) as url:
        process = await asyncio.create_subprocess_exec(
            "node", str(_DRIVE), str(node.folder / "package.json"), url,
            env={**os.environ, "KNOCK_SERVICE_TOKEN": account.keys.service_token},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return json.loads(printed)


async def test_the_management_sdk(node: NodePackages, account: Account) -> None:
    """Content of every kind is saved, read, listed, tried, published and refused as it expects."""
    said = await _said(node, account)

    assert said["whoami"]["type"] == "service_token"
    assert said["environments"] == ["development", "production"]
    assert said["environment"]["slug"] == "production"
    assert {"smtp", "in-app", "in-app-guide"} <= set(said["channels"])
    assert said["channel"]["type"] == "email"
    for kind, key in _KEYS.items():
        assert said["upserted"][kind]["key"] == key
        assert said["retrieved"][kind]["sha"] == said["upserted"][kind]["sha"]
        assert key in said["listed"][kind]
    assert said["upserted"]["translation"]["locale_code"] == "en"
    assert "en" in said["listed"]["translation"]
    assert [step["ref"] for step in said["validated"]["steps"]] == ["mail", "feed"]
    assert said["preview"]["result"] == "success"
    assert "<b>bread</b>" in said["preview"]["template"]["html_body"]

    assert said["committed"]["result"] == "success"
    assert said["promoted"]["result"] == "success"
    assert {"type": "workflow", "identifier": "aboard"}.items() <= said["commits"][0].items()
    assert said["commit"]["resource"] == said["commits"][0]
    assert said["abroad"]["environment"] == "production"
    assert said["switched"]["active"] is False
    assert isinstance(said["members"], list)
    assert isinstance(said["variables"], list)

    assert (said["missing"]["name"], said["missing"]["status"]) == ("NotFoundError", 404)
    assert said["invalid"]["name"] == "UnprocessableEntityError"
    places = {error["field"] for error in said["invalid"]["error"]["errors"]}
    assert {"name", "steps[0].channel_key"} <= places
    assert said["stranger"]["status"] in (400, 401)
