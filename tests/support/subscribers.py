"""Objects, and who follows them since when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import SubscribeIn
from services.recipients.subscriptions import subscribe
from tests.support.builders import T0
from tests.support.world import World


def project(name: str) -> JsonObject:
    """Write a reference to a project."""
    return {"collection": "projects", "id": name}


async def make_object(world: World, ref: JsonObject) -> None:
    """Store an object that is named in capitals."""
    await world.make.recipient(
        world.environment, ref["collection"], ref["id"], name=ref["id"].upper()
    )


async def follow(
    world: World, target: JsonObject, *who: Any, minute: int = 0, **properties: Any
) -> None:
    """Let recipients follow an object since some minutes after the beginning.

    Args:
        world: where.
        target: the object.
        who: ids of users, who are identified, and references to objects.
        minute: since when.
        properties: of the subscriptions.
    """
    people = [each if isinstance(each, dict) else {"id": each, "name": each} for each in who]
    given = read_shape(SubscribeIn, {"recipients": people, "properties": properties})
    ref = RecipientRef(target["collection"], target["id"])
    earlier = world.at(T0 + timedelta(minutes=minute))
    await subscribe(earlier.engine, world.environment.scope, ref, given)
