"""Drafts beside runs that were made, and what trying them out finds."""

from __future__ import annotations

from typing import Any

from domain.content.workflow import WORKFLOW
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.what_if.differences import Difference, Kind
from domain.what_if.requests import WhatIfIn
from services.what_if.trying import WhatIf, try_out
from tests.support.content import save_content
from tests.support.world import World

KEY = "order"
PEOPLE = tuple({"id": f"user-{n}", "name": f"N{n}", "plan": "pro" if n % 2 else "free"}
               for n in range(6))  # fmt: skip


async def draft(world: World, *steps: JsonObject, key: str = KEY, **content: Any) -> None:
    """Save a draft of a workflow, uncommitted."""
    slug, document = world.environment.scope.slug, {"name": key, "steps": list(steps), **content}
    await save_content(world.engine, slug, WORKFLOW, key, document, force=True)


async def send(world: World, *steps: JsonObject, **body: Any) -> None:
    """Publish a workflow, trigger it for six people, and walk their runs as far as they go."""
    await world.publish(KEY, *steps)
    for run in await world.runs(await world.trigger(KEY, *PEOPLE, **body)):
        await world.walk(run["id"])


async def tried(world: World, **wanted: Any) -> WhatIf:
    """Try the drafts of an environment out."""
    return await try_out(world.engine, world.environment.scope, read_shape(WhatIfIn, wanted))


def only(found: WhatIf, kind: Kind, *, times: int = len(PEOPLE)) -> Difference:
    """Return one of the differences, all of which are of one kind."""
    assert found.findings.kinds == {kind: times}, found.findings
    return found.findings.differences[0]
