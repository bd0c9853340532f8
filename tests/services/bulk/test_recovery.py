"""Bulk operations that stand still are looked after, each whatever becomes of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.kit.ids import bulk_operation_workflow_id
from services.bulk import recovery
from services.bulk.recovery import recover_bulk_operations
from tests.support.bulk import put_off
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World


class _Knows(TemporalRecorder):
    """A Temporal that knows no workflow, and does not start one of them."""

    refused: str = ""
    status: RPCStatusCode = RPCStatusCode.INVALID_ARGUMENT

    @property
    def workflow_service(self) -> Any:
        """Return what is asked for a workflow."""
        return _Nothing()

    async def start_workflow(self, workflow: Any, *args: Any, **options: Any) -> Any:
        """Record a start, or refuse it."""
        if options["id"] == self.refused:
            raise RPCError("no", self.status, b"")
        return await super().start_workflow(workflow, *args, **options)


@dataclass
class _Nothing:
    async def describe_workflow_execution(self, request: Any) -> Any:
        """Say that there is no such workflow."""
        raise RPCError("no such workflow", RPCStatusCode.NOT_FOUND, b"")


async def _stuck(world: World, *, hours: int) -> UUID:
    operation_id = await put_off(world.engine, world.environment, [{"id": "ellie"}])
    await world.make.rows(
        "UPDATE bulk_operations SET updated_at = now() - make_interval(hours => %s) WHERE id = %s"
        " RETURNING 1",
        hours,
        operation_id,
    )
    return operation_id


async def _three_stuck(world: World) -> list[str]:
    """Return the names in Temporal of three operations, the oldest first, and first of all."""
    ids = [await _stuck(world, hours=hours) for hours in (90_003, 90_002, 90_001)]
    slug = world.environment.scope.slug
    return [bulk_operation_workflow_id(slug, str(one)) for one in ids]


async def test_one_that_is_refused_stands_in_nobodys_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However few are looked at at a time, the others are begun."""
    monkeypatch.setattr(recovery, "_PAGE_SIZE", 1)
    names = await _three_stuck(world)
    temporal = _Knows()
    temporal.refused = names[0]
    assert await recover_bulk_operations(world.with_parts(temporal=temporal).engine) >= 2
    assert [name for name in names if name in _started(temporal)] == names[1:]


async def test_nothing_is_tried_while_temporal_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that Temporal is away for tells it of all."""
    monkeypatch.setattr(recovery, "_PAGE_SIZE", 1)
    names = await _three_stuck(world)
    temporal = _Knows()
    temporal.refused, temporal.status = names[0], RPCStatusCode.UNAVAILABLE
    with pytest.raises(RPCError):
        await recover_bulk_operations(world.with_parts(temporal=temporal).engine)
    assert not set(names) & _started(temporal)


def _started(temporal: TemporalRecorder) -> set[str]:
    return {workflow_id for workflow_id, _, _ in temporal.starts}
