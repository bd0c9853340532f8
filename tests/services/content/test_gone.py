"""Who found an environment or a branch before it went writes no content there afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from domain.account.environments import EnvironmentIn
from domain.content.rows import Selection
from domain.content.workflow import WORKFLOW
from domain.kit.errors import NotFound, UnknownBranch
from domain.kit.principals import EnvironmentScope
from services.account import chain
from services.content import branches, commits
from services.content.drafts import switch_content, upsert_content
from services.engine import Engine
from tests.support.account import AUTHOR, Account, note
from tests.support.steps import workflow

Write = Callable[[Engine, EnvironmentScope], Awaitable[object]]


async def _save(engine: Engine, scope: EnvironmentScope) -> object:
    return await upsert_content(engine, scope, WORKFLOW, "plain", workflow("Late"), force=True)


async def _switch(engine: Engine, scope: EnvironmentScope) -> object:
    return await switch_content(engine, scope, WORKFLOW, "plain", active=False)


async def _commit(engine: Engine, scope: EnvironmentScope) -> object:
    return await commits.commit_all(engine, scope, Selection(), note())


async def _merge(engine: Engine, scope: EnvironmentScope) -> object:
    return await commits.merge_branch(engine, scope, Selection(), AUTHOR)


_STATE = "SELECT draft, active, published_version_id FROM content_resources ORDER BY 1, 2, 3"


@pytest.mark.parametrize("write", [_save, _switch, _commit])
async def test_a_removed_environment_is_not_written_in(account: Account, write: Write) -> None:
    """Its rows would only stand in the way of those that are being deleted."""
    wanted = EnvironmentIn(slug="staging", name="Staging")
    made = await chain.add_environment(account.engine, wanted)
    await account.save("plain", workflow(), slug="staging", force=True)
    await chain.remove_environment(account.engine, "staging")
    before = await account.rows(_STATE)

    with pytest.raises(NotFound):
        await write(account.engine, made.environment.scope)

    assert await account.rows(_STATE) == before


@pytest.mark.parametrize("is_made_again", [False, True])
@pytest.mark.parametrize("write", [_save, _switch, _commit, _merge])
async def test_a_deleted_branch_is_not_written_on(
    account: Account, write: Write, is_made_again: bool
) -> None:
    """What is written there would be seen by nobody; another branch of its name is another one."""
    main = await account.scope()
    await account.save("plain", workflow(), commit=note())
    await branches.create_branch(account.engine, main, "feature")
    scope = await branches.on_branch(account.engine, main, "feature")
    await branches.delete_branch(account.engine, main, "feature")
    if is_made_again:
        await branches.create_branch(account.engine, main, "feature")
    before = await account.rows(_STATE)

    with pytest.raises(UnknownBranch):
        await write(account.engine, scope)

    assert await account.rows(_STATE) == before
