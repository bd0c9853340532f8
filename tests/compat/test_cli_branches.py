"""Knock's official CLI, unchanged, against the product over real HTTP: branches.

The CLI comes from the package registry; where there is no Node.js, or no registry, the tests are
skipped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.account import Account, feed_step, workflow
from tests.support.application import application
from tests.support.knock_cli import KnockCli
from tests.support.node import NodePackages
from tests.support.server import serving

# The processes of Node.js take seconds to start on a busy machine.
pytestmark = pytest.mark.timeout(600)
_TEMPLATE = Path("flow") / "feed_1" / "markdown_body.md"


class Cli(KnockCli):
    """The CLI, and a client beside it that looks at what it has done."""

    def __init__(self, packages: NodePackages, address: str, token: str, folder: Path) -> None:
        super().__init__(packages, address, token, folder)
        self.http = httpx.AsyncClient(
            base_url=address, headers={"authorization": f"Bearer {token}"}
        )

    async def says(self, **query: str) -> str:
        """Return what the step says that was committed."""
        found = await self.http.get(
            "/v1/workflows/flow", params={"hide_uncommitted_changes": "true", **query}
        )
        assert found.status_code == 200, found.text
        return str(found.json()["steps"][0]["template"]["markdown_body"])


@pytest.fixture
async def cli(node: NodePackages, account: Account, tmp_path: Path) -> AsyncIterator[Cli]:
    """Serve a seeded account with a committed workflow, and open the CLI for it."""
    async with serving(application(account.engine)) as address:
        cli = Cli(node, address, account.keys.service_token, tmp_path)
        saved = await cli.http.put(
            "/v1/workflows/flow",
            json={"workflow": workflow("Flow", feed_step("Main"))},
            params={"commit": "true"},
        )
        assert saved.status_code == 200, saved.text
        yield cli
        await cli.http.aclose()


async def test_a_branch_from_its_making_to_its_merge(cli: Cli) -> None:
    """Create, switch, pull, push with a commit, run, list, merge and delete, all by the CLI."""
    assert "feature" in await cli("branch", "create", "feature")
    assert "feature" in await cli("branch", "list")
    await cli("branch", "switch", "feature", "--force")
    await cli("workflow", "pull", "flow", "--force")
    (cli.folder / _TEMPLATE).write_text("Branch", encoding="utf-8")
    await cli("workflow", "push", "flow")
    assert await cli.says(branch="feature") == "Main"
    await cli("workflow", "validate", "flow")
    await cli("commit", "--force", "-m", "Say it otherwise")
    assert await cli.says(branch="feature") == "Branch"
    assert await cli.says() == "Main"
    assert "Say it otherwise" in await cli("commit", "list")

    await cli("branch", "merge", "feature", "--force")

    assert await cli.says() == "Branch"
    assert (await cli.http.get("/v1/branches/feature")).status_code == 404


async def test_everything_is_pulled_from_a_branch_and_pushed_back(cli: Cli) -> None:
    """Content of every kind comes down, audiences too, and what can be written goes up again."""
    await cli("branch", "create", "feature")
    await cli("pull", "--knock-dir", "content", "--branch", "feature", "--force")
    file = cli.folder / "content" / "workflows" / _TEMPLATE
    file.write_text("Pushed", encoding="utf-8")
    await cli("push", "--knock-dir", "content", "--branch", "feature", "--commit")
    assert await cli.says(branch="feature") == "Pushed"
    assert await cli.says() == "Main"


async def test_what_the_cli_is_told(cli: Cli) -> None:
    """A taken slug, an unknown branch, and a conflict are told in our words."""
    await cli("branch", "create", "feature")
    status, said = await cli.run("branch", "create", "feature")
    assert (status != 0, "taken" in said) == (True, True), said
    status, said = await cli.run("branch", "delete", "nowhere", "--force")
    assert (status != 0, "nowhere" in said) == (True, True), said
    for query, text in (({"branch": "feature"}, "Ours"), ({}, "Theirs")):
        body = {"workflow": workflow("Flow", feed_step(text))}
        await cli.http.put("/v1/workflows/flow", json=body, params={"commit": "true", **query})
    status, said = await cli.run("branch", "merge", "feature", "--force")
    assert (status != 0, "Rebase" in said) == (True, True), said
    assert await cli.says() == "Theirs"
