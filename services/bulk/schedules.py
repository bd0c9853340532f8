"""Bulk operations that make schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from domain.bulk.operations import BulkItem, OpenBulk
from domain.bulk.requests import BulkCreateSchedulesIn, scheduled
from domain.kit.principals import EnvironmentScope
from models.queries.content.catalog import config_version
from services.bulk.accept import BulkView, accept_items, items_of
from services.bulk.items import ItemKind
from services.engine import Engine, Unit
from services.triggers.schedules import make_schedules

CREATE_SCHEDULES = "schedules.create"


async def create_schedules(
    engine: Engine, environment: EnvironmentScope, given: BulkCreateSchedulesIn, *, size: int
) -> BulkView:
    """Make schedules, each as `create_schedules` of a single recipient does.

    Args:
        engine: the parts of this process.
        environment: where.
        given: the request.
        size: bytes that it takes at most.
    """
    items = items_of(given.schedules, partial(scheduled, size=size), member="recipient")
    settings = {} if environment.branch_id is None else {"branch_id": str(environment.branch_id)}
    return await accept_items(engine, environment, CREATE_SCHEDULES, items, **settings)


async def _create(unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]) -> Mapping[int, str]:
    # Read once for all of them, as a request reads it with its key.
    version = await config_version(unit.connection, operation.environment_id)
    named = operation.settings.get("branch_id")
    branch_id = None if named is None else UUID(named)
    environment = replace(operation.scope, config_version=version, branch_id=branch_id)
    # What they hold was measured when they were accepted.
    wanted = [scheduled(item.content, size=0) for item in items]
    _, refused = await make_schedules(unit, environment, wanted)
    return {items[index].number: refusal.reasons for index, refusal in refused.items()}


KINDS = {CREATE_SCHEDULES: ItemKind(_create)}
