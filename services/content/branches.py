"""Branches: made, listed, brought up to date, deleted; found by whoever names one.

A branch belongs to development, as the first environment is called. Its content is what was
published there when it was made, and what has been changed on it since. Everything that changes
published content holds the lock of the environment, so a branch and its main branch stand still
while they are compared. Source: Knock docs, "Branches".
"""

from __future__ import annotations

from dataclasses import replace

from domain.content.branches import Branch, check_slug, is_slug, refuse_blocked
from domain.content.kinds import BRANCHED
from domain.kit.errors import InvalidParams, NotFound, UnknownBranch
from domain.kit.ids import new_id
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import DEVELOPMENT, EnvironmentScope
from models.queries.account.environments import get_environment_by_id
from models.queries.content import branches as queries
from models.queries.content.drafts import lock_publication
from runtime.database import Connection
from services.engine import Engine


def refuse_elsewhere(environment: EnvironmentScope, field: str) -> None:
    """Refuse branches outside development. Raises InvalidParams."""
    if not environment.is_development:
        raise InvalidParams.of(field, f"must be {DEVELOPMENT}, the only environment with branches")


async def on_branch(engine: Engine, environment: EnvironmentScope, slug: str) -> EnvironmentScope:
    """Return an environment with the content of a branch. Raises UnknownBranch."""
    async with engine.connection() as connection:
        found = await find_branch(connection, environment, slug)
    return replace(environment, branch_id=found.id, branch=found.slug)


async def hold_content(connection: Connection, environment: EnvironmentScope) -> None:
    """Take the lock under which content of an environment is written, on a branch or not.

    Who found the environment and the branch found them before: they may be gone by now, and what
    would still be written there would stay behind.

    Raises:
        NotFound: the environment was removed.
        UnknownBranch: the branch was deleted, also if another one has its slug.
    """
    await lock_publication(connection, [environment.id])
    if await get_environment_by_id(connection, environment.id) is None:
        raise NotFound(f"The environment {environment.slug!r} does not exist.")
    if environment.branch is not None:
        found = await find_branch(connection, environment, environment.branch)
        if found.id != environment.branch_id:
            raise UnknownBranch(f"The branch {environment.branch!r} has been replaced meanwhile.")


async def find_branch(connection: Connection, environment: EnvironmentScope, slug: str) -> Branch:
    """Return a branch of an environment. Raises UnknownBranch."""
    found = None
    if is_slug(slug):
        found = await queries.find_branch(connection, environment.id, slug)
    if found is None:
        raise UnknownBranch(
            f"The branch {slug[:255]!r} does not exist."
            if environment.is_development
            else f"The branch {slug[:255]!r} does not exist in {environment.slug}: branches"
            f" belong to {DEVELOPMENT}."
        )
    return found


async def get_branch(engine: Engine, environment: EnvironmentScope, slug: str) -> Branch:
    """Return a branch. Raises UnknownBranch."""
    async with engine.connection() as connection:
        return await find_branch(connection, environment, slug)


async def list_branches(
    engine: Engine, environment: EnvironmentScope, request: PageRequest
) -> Page[Branch]:
    """Return a page of branches, the one with the newest commit first."""
    async with engine.connection() as connection:
        return await queries.list_branches(connection, environment.id, request)


async def create_branch(engine: Engine, environment: EnvironmentScope, slug: str) -> Branch:
    """Make a branch of what development has published now.

    What is saved there and not committed is its author's, and stays out.

    Raises:
        InvalidParams: the slug is taken, or none.
    """
    check_slug(slug)
    branch_id = new_id()
    async with engine.unit() as unit:
        await lock_publication(unit.connection, [environment.id])
        if not await queries.insert_branch(
            unit.connection, environment.id, branch_id, slug, unit.now
        ):
            raise InvalidParams.of("slug", "has already been taken")
        await queries.follow_main(unit.connection, environment.id, branch_id, BRANCHED)
        return await find_branch(unit.connection, environment, slug)


async def rebase_branch(engine: Engine, environment: EnvironmentScope, slug: str) -> Branch:
    """Bring a branch up to date with development; what was committed on it stays as it is.

    Raises:
        UnknownBranch: there is no such branch.
        Unprocessable: `branch_rebase_blocked`, uncommitted changes would be lost; nothing was done.
    """
    async with engine.unit() as unit:
        await lock_publication(unit.connection, [environment.id])
        branch = await find_branch(unit.connection, environment, slug)
        pair = (environment.id, branch.id)
        refuse_blocked(slug, await queries.list_parted(unit.connection, *pair))
        await queries.follow_main(unit.connection, *pair, BRANCHED)
        await queries.take_notice(unit.connection, *pair)
        await queries.note_updated(unit.connection, *pair, unit.now)
        return await find_branch(unit.connection, environment, slug)


async def delete_branch(engine: Engine, environment: EnvironmentScope, slug: str) -> None:
    """Delete a branch with all that was not merged; its open runs end at their next step.

    Raises:
        UnknownBranch: there is no such branch.
    """
    async with engine.unit() as unit:
        await lock_publication(unit.connection, [environment.id])
        branch = await find_branch(unit.connection, environment, slug)
        await queries.delete_branch(unit.connection, environment.id, branch.id, unit.now)
