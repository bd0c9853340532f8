"""Typed, named signatures of all activities, with their timeouts and retry policies.

Workflows call these; `activities/` implements them under the same names. A test holds both sides
together.
"""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity
from temporalio.common import RetryPolicy

from domain.contract.deliveries import (
    DeliverMessageInput,
    FirstAttempt,
    StatusCheckInput,
    WebhookDeliveryInput,
)
from domain.contract.fan_outs import CancelFanoutInput, Chunk, ChunkPlan, TriggerFanoutInput
from domain.contract.jobs import BulkOperationInput, BulkState, SourceEventInput
from domain.contract.runs import Advanced, AdvanceInput, HttpFetchInput
from domain.contract.timers import (
    BatchWindowInput,
    BroadcastInput,
    ClockState,
    ScheduleClockInput,
    WindowState,
)

# A walk is a few statements. It runs as a local activity first; when the database is away for
# longer than this, the run falls back to the regular form, which retries for as long as it takes.
WALK_TIMEOUT = timedelta(seconds=10)
WALK_PATIENCE = timedelta(seconds=30)
WALK_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=100),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=2),
    maximum_attempts=4,
)
DURABLE_TIMEOUT = timedelta(seconds=30)
DURABLE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=1.5,
    maximum_interval=timedelta(seconds=10),
)

# A first attempt is waited for a moment; it goes on by itself when that is over.
AT_ONCE_TIMEOUT = timedelta(seconds=5)
AT_ONCE_RETRY = RetryPolicy(maximum_attempts=1)
# The activity itself says when to look again; these intervals hold when a worker died in the middle
# of an attempt. The message's lease in PostgreSQL, not Temporal, keeps a second attempt away.
DELIVERY_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=1),
)
# Long enough to wait for a database that cannot store the provider's answer. A dead worker is
# noticed by its heartbeat, with a margin for a Temporal that restarts and a process that stalls.
DELIVERY_TIMEOUT = timedelta(minutes=30)
DELIVERY_HEARTBEAT = timedelta(seconds=30)

# Attempts at a request are counted in PostgreSQL, and the waits between them are the run's. This
# repeats what a dead worker or an absent database has kept from being recorded.
FETCH_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=2),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=1),
)
# The request takes 15 seconds; the rest is for a database that cannot store the answer.
FETCH_TIMEOUT = timedelta(minutes=10)
FETCH_HEARTBEAT = timedelta(seconds=30)

# Writing down who receives it takes some seconds where they are millions.
BROADCAST_TIMEOUT = timedelta(minutes=10)
# A turn ends by itself after a minute, or a chunk later.
BULK_TIMEOUT = timedelta(minutes=5)

# A few actions; a trigger for many is started by its fan-out.
SOURCE_EVENT_TIMEOUT = timedelta(minutes=2)

CHUNK_TIMEOUT = timedelta(minutes=5)
CHUNK_HEARTBEAT = timedelta(seconds=20)
SWEEP_TIMEOUT = timedelta(minutes=2)
# The next sweep comes soon; a duty that fails must not keep this one from ending.
SWEEP_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=2)


@activity.defn(name="advance")
async def advance(order: AdvanceInput) -> Advanced:
    """Walk a run on from a cursor until a step has to wait."""
    raise NotImplementedError


@activity.defn(name="close_window")
async def close_window(order: BatchWindowInput) -> WindowState:
    """Close the window of a batch whose time has come, or answer when that will be."""
    raise NotImplementedError


@activity.defn(name="send_broadcast")
async def send_broadcast(order: BroadcastInput) -> str:
    """Send a scheduled broadcast whose time has come; answers what has become of it."""
    raise NotImplementedError


@activity.defn(name="deliver_message")
async def deliver_message(order: DeliverMessageInput) -> str:
    """Hand one message to its provider; returns its delivery status."""
    raise NotImplementedError


@activity.defn(name="deliver_now")
async def deliver_now(order: DeliverMessageInput) -> FirstAttempt:
    """Hand one message to its provider where its run walks; returns within seconds."""
    raise NotImplementedError


@activity.defn(name="check_status")
async def check_status(order: StatusCheckInput) -> str:
    """Ask the vendor of a message what became of it; answers that, or why nobody asks any more."""
    raise NotImplementedError


@activity.defn(name="deliver_webhook")
async def deliver_webhook(order: WebhookDeliveryInput) -> str:
    """Tell an endpoint of an event; answers where the delivery stands."""
    raise NotImplementedError


@activity.defn(name="http_fetch")
async def http_fetch(order: HttpFetchInput) -> str:
    """Make one attempt at the request of a fetch step; answers how it went, in a word."""
    raise NotImplementedError


@activity.defn(name="fire_schedules")
async def fire_schedules(order: ScheduleClockInput) -> ClockState:
    """Fire what is due of one clock's schedules, and answer when to look again."""
    raise NotImplementedError


@activity.defn(name="plan_trigger_fanout")
async def plan_trigger_fanout(order: TriggerFanoutInput) -> ChunkPlan:
    """Cut the recipient runs of a trigger into ranges."""
    raise NotImplementedError


@activity.defn(name="start_runs")
async def start_runs(chunk: Chunk) -> int:
    """Start the queued runs of one range; returns how many."""
    raise NotImplementedError


@activity.defn(name="plan_cancel_fanout")
async def plan_cancel_fanout(order: CancelFanoutInput) -> ChunkPlan:
    """Cut the runs of a cancellation into ranges."""
    raise NotImplementedError


@activity.defn(name="signal_cancelled_runs")
async def signal_cancelled_runs(chunk: Chunk) -> int:
    """Wake the cancelled runs of one range; returns how many."""
    raise NotImplementedError


@activity.defn(name="work_on_bulk")
async def work_on_bulk(order: BulkOperationInput) -> BulkState:
    """Work on a bulk operation for a while; answers whether it is over."""
    raise NotImplementedError


@activity.defn(name="sweep")
async def sweep(duty: str) -> int:
    """Do one duty of the sweep; returns how much there was to do."""
    raise NotImplementedError


@activity.defn(name="take_source_event")
async def take_source_event(order: SourceEventInput) -> int:
    """Take the actions of an event that a source has sent; returns how many there were."""
    raise NotImplementedError


ALL = (
    advance,
    close_window,
    send_broadcast,
    deliver_message,
    deliver_now,
    check_status,
    deliver_webhook,
    fire_schedules,
    http_fetch,
    plan_trigger_fanout,
    start_runs,
    plan_cancel_fanout,
    signal_cancelled_runs,
    work_on_bulk,
    sweep,
    take_source_event,
)
