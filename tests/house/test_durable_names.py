"""Names that something outside this code remembers: they are only ever added to."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import typing
from typing import Any

import pytest
from temporalio import activity, workflow

from domain import contract
from domain.contract.queues import ALL_QUEUES
from temporal_workflows import WORKFLOWS, activity_stubs, search_attributes, signals

WORKFLOW_NAMES = {
    "BatchWindow": "BatchWindowInput",
    "Broadcast": "BroadcastInput",
    "BulkOperation": "BulkOperationInput",
    "CancelFanout": "CancelFanoutInput",
    "MessageDelivery": "MessageDeliveryInput",
    "RecipientRun": "RecipientRunInput",
    "ScheduleClock": "ScheduleClockInput",
    "SourceEvent": "SourceEventInput",
    "StatusCheck": "StatusCheckInput",
    "Sweep": "SweepInput",
    "TriggerFanout": "TriggerFanoutInput",
    "WebhookDelivery": "WebhookDeliveryInput",
}
ACTIVITY_NAMES = {
    "advance",
    "check_status",
    "close_window",
    "deliver_message",
    "deliver_now",
    "deliver_webhook",
    "fire_schedules",
    "http_fetch",
    "plan_cancel_fanout",
    "plan_trigger_fanout",
    "send_broadcast",
    "signal_cancelled_runs",
    "start_runs",
    "sweep",
    "work_on_bulk",
    "take_source_event",
}
SIGNAL_NAMES = {
    "BatchWindow": {"closes_earlier"},
    "Broadcast": {"cancel_requested"},
    "RecipientRun": {"batch_closed", "cancel_requested", "event_arrived", "wait_moved"},
    "ScheduleClock": {"due_earlier"},
}
SEARCH_ATTRIBUTES = {
    "CancellationKey",
    "Environment",
    "RecipientId",
    "Tenant",
    "WorkflowKey",
    "WorkflowRunId",
}
QUEUES = {
    "bulk",
    "deliver-chat",
    "deliver-email",
    "deliver-push",
    "deliver-sms",
    "deliver-webhook",
    "fanout",
    "fetch",
    "jobs",
    "runs",
    "sweep",
    "webhooks",
}
# Fields of what travels through histories, in order: later ones only with defaults.
PAYLOADS = {
    "RecipientRunInput": ("run_id", "environment_id", "version", "so_far"),
    "RunSoFar": ("cursor", "story", "closed_batches", "news"),
    "AdvanceInput": ("run_id", "environment_id", "cursor", "cancel", "speaks"),
    "DeliveryOrder": ("message_id", "queue", "label", "not_before"),
    "Finished": ("kind",),
    "WalkOn": ("kind",),
    "SleepUntil": ("until", "label", "kind"),
    "HttpFetchInput": ("run_id", "environment_id", "step_ref", "attempt"),
    "Fetch": ("attempt", "not_before", "label", "kind"),
    "AwaitEvent": ("step_ref", "until", "label", "kind"),
    "AwaitBatch": ("batch_id", "until", "label", "kind"),
    "Advanced": ("next", "cursor", "deliveries", "story", "status"),
    "DeliverMessageInput": ("message_id", "environment_id", "retry", "queue"),
    "FirstAttempt": ("settled", "state"),
    "MessageDeliveryInput": ("delivery", "queue", "label"),
    "TriggerFanoutInput": ("workflow_run_id", "environment_id", "after", "done"),
    "CancelFanoutInput": ("cancellation_id", "environment_id", "after", "done"),
    "Chunk": ("scope_id", "environment_id", "after", "last"),
    "ChunkPlan": ("chunks", "more", "pause"),
    "BroadcastInput": ("environment_id", "key", "sends", "send_at"),
    "SweepInput": ("duties",),
    "SourceEventInput": ("event_id", "environment_id", "environment"),
    "BatchWindowInput": ("batch_id", "environment_id", "closes_at"),
    "ScheduleClockInput": ("clock", "due_at"),
    "ClockState": ("due_at", "fired"),
    "WebhookDeliveryInput": ("delivery_id", "environment_id", "label"),
    "StatusCheckInput": ("message_id", "environment_id", "retry", "queue", "label"),
    "BulkOperationInput": ("operation_id", "environment_id"),
    "BulkState": ("is_over",),
    "WindowState": ("is_closed", "closes_at"),
}


def _payload_types() -> dict[str, Any]:
    """Return every type of the contract by its name, which is the same in no two modules."""
    modules = pkgutil.iter_modules(contract.__path__, f"{contract.__name__}.")
    found = [
        (name, member)
        for module in modules
        for name, member in inspect.getmembers(
            importlib.import_module(module.name), dataclasses.is_dataclass
        )
        if member.__module__ == module.name
    ]
    assert len(found) == len(dict(found))
    return dict(found)


def _definition(one: type) -> Any:
    return workflow._Definition.must_from_class(one)


def test_workflows() -> None:
    """No Temporal workflow is renamed or dropped, and each keeps the type of its input."""
    found = {}
    for one in WORKFLOWS:
        definition = _definition(one)
        hints = typing.get_type_hints(definition.run_fn)
        hints.pop("return")
        found[definition.name] = next((hint.__name__ for hint in hints.values()), None)
    assert found == WORKFLOW_NAMES


def test_signals() -> None:
    """Signals keep their names: the sender may be older than the receiver, and the reverse."""
    found = {
        definition.name: set(definition.signals)
        for definition in map(_definition, WORKFLOWS)
        if definition.signals
    }
    assert found == SIGNAL_NAMES
    of_runs = {
        signals.BATCH_CLOSED,
        signals.CANCEL_REQUESTED,
        signals.EVENT_ARRIVED,
        signals.WAIT_MOVED,
    }
    assert of_runs == SIGNAL_NAMES["RecipientRun"]
    assert {signals.CLOSES_EARLIER} == SIGNAL_NAMES["BatchWindow"]
    assert {signals.DUE_EARLIER} == SIGNAL_NAMES["ScheduleClock"]


def test_activities() -> None:
    """Histories name their activities, so none is renamed or dropped."""
    names = {activity._Definition.must_from_callable(stub).name for stub in activity_stubs.ALL}
    assert names == ACTIVITY_NAMES


def test_every_stub_is_listed() -> None:
    """`ALL` holds every activity of the module of stubs."""
    defined = {
        member
        for _, member in inspect.getmembers(activity_stubs, inspect.isfunction)
        if activity._Definition.from_callable(member) is not None
    }
    assert defined == set(activity_stubs.ALL)


def test_search_attributes() -> None:
    """Operators' queries and the server's set-up name these."""
    assert {key.name for key in search_attributes.ALL} == SEARCH_ATTRIBUTES


def test_queues() -> None:
    """Runs remember the queue of a delivery for as long as they sleep."""
    assert set(ALL_QUEUES) == QUEUES


def test_no_payload_is_forgotten() -> None:
    """Every type of the contract is watched here."""
    assert set(_payload_types()) == set(PAYLOADS)


@pytest.mark.parametrize("name", PAYLOADS)
def test_payload_keeps_its_fields(name: str) -> None:
    """Old histories hold these fields; a new one comes last and has a default."""
    fields = dataclasses.fields(_payload_types()[name])
    kept = PAYLOADS[name]
    assert tuple(field.name for field in fields[: len(kept)]) == kept
    for field in fields[len(kept) :]:
        has_default = field.default is not dataclasses.MISSING
        assert has_default or field.default_factory is not dataclasses.MISSING
