"""Accepts bulk operations, works on them where no Temporal does, and looks at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from domain.bulk.requests import said_of_user
from domain.contract.jobs import BulkOperationInput
from services.bulk.accept import BulkView, accept_items, get_operation, items_of
from services.bulk.recipients import IDENTIFY_USERS
from services.bulk.work import work_on_bulk
from services.engine import Engine
from tests.support.builders import Environment

# Turns that an operation of a test may take; one is enough unless the test cuts it short.
_TURNS = 50


async def put_off(engine: Engine, environment: Environment, users: Iterable[object]) -> UUID:
    """Accept users to be identified later, as where somebody is in the way; return its id."""
    items = items_of(users, said_of_user)
    view = await accept_items(engine, environment.scope, IDENTIFY_USERS, items)
    return view.operation.id


def order_of(environment: Environment, operation_id: UUID | str) -> BulkOperationInput:
    """Return the order to work on an operation."""
    return BulkOperationInput(str(operation_id), str(environment.id))


async def finish(engine: Engine, environment: Environment, operation_id: UUID | str) -> BulkView:
    """Work on an operation until it is over, and return it."""
    order = order_of(environment, operation_id)
    for turn in range(1, _TURNS):
        if (await work_on_bulk(engine, order, turn=turn)).is_over:
            break
    return await get_operation(engine, environment.scope, UUID(str(operation_id)))


def counts(view: BulkView) -> tuple[str, int, int, int]:
    """Return status, and how many rows were processed, succeeded and failed."""
    one = view.operation
    return one.status, one.processed_rows, one.success_count, one.error_count


def wire_counts(body: Mapping[str, Any]) -> tuple[str, int, int, int]:
    """Return the same of an operation as the API answers it."""
    return body["status"], body["processed_rows"], body["success_count"], body["error_count"]
