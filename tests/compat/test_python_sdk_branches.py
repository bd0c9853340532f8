"""Knock's official Python SDK on a branch, by its own option."""

from __future__ import annotations

import knockapi
import pytest
from knockapi import AsyncKnock

from tests.support.steps import feed_step
from tests.support.world import World


async def test_the_branch_option(address: str, world: World) -> None:
    """`branch` makes a client of the branch: a trigger runs there, for the same users."""
    branch = await world.branch()
    await branch.publish("flow", feed_step("Branch"))
    key = world.environment.secret_key
    async with AsyncKnock(
        api_key=key, base_url=address, branch="feature", _strict_response_validation=True
    ) as knock:
        await knock.users.update("ellie", name="Ellie")
        run = await knock.workflows.trigger("flow", recipients=["ellie"])
        assert run.workflow_run_id
    async with AsyncKnock(api_key=key, base_url=address) as knock:
        assert (await knock.users.get("ellie")).name == "Ellie"
        with pytest.raises(knockapi.NotFoundError):
            await knock.workflows.trigger("flow", recipients=["ellie"])
    async with AsyncKnock(api_key=key, base_url=address, branch="nowhere") as knock:
        with pytest.raises(knockapi.NotFoundError, match="branch_not_found"):
            await knock.users.get("ellie")
