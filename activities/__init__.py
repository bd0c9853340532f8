"""Effects, one theme a file; names come from `temporal_workflows.activity_stubs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.advance import AdvanceActivities
from activities.batches import BatchActivities
from activities.broadcasts import BroadcastActivities
from activities.bulk import BulkActivities
from activities.checks import CheckActivities
from activities.deliver import DeliverActivities
from activities.fan_out import FanOutActivities
from activities.fetch import FetchActivities
from activities.schedules import ScheduleActivities
from activities.sources import SourceActivities
from activities.sweep import SweepActivities
from activities.webhooks import WebhookActivities
from domain.contract.queues import (
    BULK,
    DELIVERY_QUEUES,
    FANOUT,
    FETCH,
    JOBS,
    RUNS,
    SWEEP,
    WEBHOOKS,
)
from services.engine import Engine


def activities_by_queue(
    engine: Engine, queues: tuple[str, ...]
) -> dict[str, list[Callable[..., Any]]]:
    """Return the activities that each queue's worker runs.

    Args:
        engine: the parts of this process.
        queues: all queues that this process works.
    """
    advance = AdvanceActivities(engine)
    batches = BatchActivities(engine)
    broadcasts = BroadcastActivities(engine)
    bulk = BulkActivities(engine)
    checks = CheckActivities(engine)
    deliver = DeliverActivities(engine, queues=queues)
    fan_out = FanOutActivities(engine, works_runs=RUNS in queues)
    fetch = FetchActivities(engine)
    sources = SourceActivities(engine)
    schedules = ScheduleActivities(engine)
    sweep = SweepActivities(engine)
    webhooks = WebhookActivities(engine)
    table: dict[str, list[Callable[..., Any]]] = {
        RUNS: [
            advance.advance,
            batches.close_window,
            deliver.deliver_now,
            # Items of feeds are delivered here, when their send window opens.
            deliver.deliver_message,
            schedules.fire_schedules,
        ],
        FANOUT: [
            broadcasts.send_broadcast,
            fan_out.plan_trigger_fanout,
            fan_out.start_runs,
            fan_out.plan_cancel_fanout,
            fan_out.signal_cancelled_runs,
        ],
        SWEEP: [sweep.sweep],
        FETCH: [fetch.http_fetch],
        BULK: [bulk.work_on_bulk],
        JOBS: [sources.take_source_event],
        WEBHOOKS: [webhooks.deliver_webhook],
    }
    for queue in DELIVERY_QUEUES:
        table[queue] = [deliver.deliver_message, checks.check_status]
    return {queue: table[queue] for queue in queues}
