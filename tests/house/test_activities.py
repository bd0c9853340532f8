"""Stubs and implementations of activities are the same functions, each on its right queue."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, cast

import pytest
from temporalio import activity
from temporalio.client import Client

from activities import activities_by_queue
from commands.worker import build_workers
from domain.contract.queues import (
    ALL_QUEUES,
    BULK,
    DELIVERY_QUEUES,
    FANOUT,
    FETCH,
    JOBS,
    RUNS,
    SWEEP,
    WEBHOOKS,
)
from domain.workflows.steps import STEP_TYPES, Step, UnknownStep
from runtime.database import Database
from runtime.settings import Settings
from runtime.vault import Vault
from services.composition import compose_engine
from services.engine import Engine
from services.walk.steps import EXECUTORS
from temporal_workflows import activity_stubs

_DELIVERY = {"deliver_message", "check_status"}
EXPECTED: dict[str, set[str]] = {
    RUNS: {"advance", "close_window", "deliver_message", "deliver_now", "fire_schedules"},
    FANOUT: {
        "plan_trigger_fanout",
        "send_broadcast",
        "start_runs",
        "plan_cancel_fanout",
        "signal_cancelled_runs",
    },
    SWEEP: {"sweep"},
    FETCH: {"http_fetch"},
    WEBHOOKS: {"deliver_webhook"},
    BULK: {"work_on_bulk"},
    JOBS: {"take_source_event"},
    **dict.fromkeys(DELIVERY_QUEUES, _DELIVERY),
}
STUBS = {stub.__name__: stub for stub in activity_stubs.ALL}


def _table() -> dict[str, list[Callable[..., Any]]]:
    database = Database("postgresql://nowhere.invalid/none", size=1)
    engine = compose_engine(Settings(), database, cast(Client, None), Vault(["k" * 16]))
    return activities_by_queue(engine, ALL_QUEUES)


def _name(implementation: Callable[..., Any]) -> str | None:
    return activity._Definition.must_from_callable(implementation).name


def test_every_activity_is_on_its_queue() -> None:
    """A task sent to a queue that does not work it would wait for ever."""
    found = {queue: {_name(one) for one in listed} for queue, listed in _table().items()}
    assert found == EXPECTED


def test_every_stub_is_implemented_and_nothing_else() -> None:
    """Workflows can call what workers run, and only that."""
    implemented = {_name(one) for listed in _table().values() for one in listed}
    assert implemented == set(STUBS)
    assert {_name(stub) for stub in activity_stubs.ALL} == set(STUBS)


@pytest.mark.parametrize("queue", ALL_QUEUES)
def test_implementation_matches_its_stub(queue: str) -> None:
    """Names of parameters and all annotations agree: both sides convert the same payloads."""
    for implementation in _table()[queue]:
        stub = STUBS[implementation.__name__]
        assert typing.get_type_hints(implementation) == typing.get_type_hints(stub)
        assert inspect.signature(implementation).parameters.keys() == (
            inspect.signature(stub).parameters.keys()
        )


def test_unknown_queue_is_refused() -> None:
    """A worker told to work a queue that does not exist says so instead of idling."""
    engine = cast(Engine, None)
    with pytest.raises(ValueError, match="deliver-pigeon"):
        build_workers(engine, ("deliver-pigeon",))


def test_every_step_type_has_an_executor() -> None:
    """The union of steps, their table and their executors name the same types."""
    members = typing.get_args(typing.get_args(Step)[0])
    assert set(EXECUTORS) == {*members, UnknownStep}
    assert set(STEP_TYPES.values()) == set(members)


@pytest.mark.parametrize("name", STEP_TYPES)
def test_a_step_knows_its_type(name: str) -> None:
    """Events name the type of their step as its author wrote it."""
    assert STEP_TYPES[name].model_fields["type"].default == name
