"""What is special about goals: they are copied from environment to environment by hand.

Source: Knock Management API, "Goals".
"""

from __future__ import annotations

from domain.content.goal import GOAL, CloneIn, Goal
from domain.kit.errors import FieldError, InvalidParams, NotFound
from domain.kit.principals import EnvironmentScope
from models.queries.account.environments import get_environment
from models.queries.content import drafts as queries
from services.content.drafts import ContentView, save_content
from services.engine import Engine


async def clone_goal(
    engine: Engine, environment: EnvironmentScope, key: str, wanted: CloneIn
) -> ContentView[Goal]:
    """Make a goal like another one, under another key or in another environment.

    Args:
        engine: the parts.
        environment: of the goal that is copied.
        key: names it.
        wanted: where the copy goes, and what it is called.

    Raises:
        NotFound: there is no such goal.
        InvalidParams: the environment does not exist, the key is taken or none, or what the goal
            refers to does not exist there.
    """
    async with engine.unit() as unit:
        # All environments at once are locked: a clone the other way round waits, without deadlock.
        await queries.lock_publication(unit.connection)
        source = await queries.get_resource(unit.connection, environment.id, GOAL.name, key)
        if source is None:
            raise NotFound(f"The goal {key[:255]!r} does not exist in this environment.")
        target = await get_environment(unit.connection, wanted.environment)
        if target is None:
            message = f"the environment {wanted.environment[:255]!r} does not exist"
            raise InvalidParams.of("clone.environment", message)
        if await queries.get_resource(unit.connection, target.id, GOAL.name, wanted.key):
            message = f"the goal {wanted.key!r} already exists in {target.slug}"
            raise InvalidParams.of("clone.key", message)
        try:
            content = {**source.draft, "name": wanted.name}
            return await save_content(unit, target.scope, GOAL, wanted.key, content)
        except InvalidParams as refused:
            raise InvalidParams(
                [FieldError(f"clone.{one.field}", one.message) for one in refused.errors]
            ) from None
