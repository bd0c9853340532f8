"""How a run obeys each kind of directive: a table, so that a new kind touches no other.

A recorded history holds only kinds that its time knew, so adding one is safe to replay. What the
wait of an existing kind does must not change: its histories are replayed for up to a year.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol

from temporalio import workflow

from domain.contract.queues import FETCH
from domain.contract.runs import AwaitBatch, AwaitEvent, Fetch, SleepUntil, WalkOn
from temporal_workflows import activity_stubs as stubs


class Waiting(Protocol):
    """What a wait may ask the run that it holds up."""

    def is_cancelled(self) -> bool:
        """Tell whether a cancel has arrived."""

    def looks_again(self) -> bool:
        """Tell whether word has come that a sleep ends at another instant."""

    def has_closed(self, batch_id: str) -> bool:
        """Tell whether word has come that a batch has closed."""

    def has_news(self, step_ref: str) -> bool:
        """Tell whether word has come of an event that a step waits for."""

    def take_news(self, step_ref: str) -> None:
        """Take that word: what comes from here on is news."""


Wait = Callable[[Waiting, Any], Awaitable[None]]
# A clock of ours may be behind Temporal's, so that a wait is not over for the walk that ends it.
_SECONDS_AFTER_END = 1.0


async def _walk_on(run: Waiting, directive: WalkOn) -> None:
    """Go on at once."""


async def _sleep_until(run: Waiting, directive: SleepUntil) -> None:
    """Wait for the instant, a cancel, or word that there is another instant; the walk knows it."""
    await _until(lambda: run.is_cancelled() or run.looks_again(), directive.until, directive.label)


async def _fetch(run: Waiting, directive: Fetch) -> None:
    """Have the request sent when it is due. A cancel ends the wait, and not the request.

    A request that nobody has begun when the run ends is never sent.
    """
    if directive.not_before is not None:
        await _until(run.is_cancelled, directive.not_before, directive.label)
    if run.is_cancelled():
        return
    sending = workflow.start_activity(
        stubs.http_fetch,
        directive.attempt,
        task_queue=FETCH,
        start_to_close_timeout=stubs.FETCH_TIMEOUT,
        heartbeat_timeout=stubs.FETCH_HEARTBEAT,
        retry_policy=stubs.FETCH_RETRY,
        cancellation_type=workflow.ActivityCancellationType.ABANDON,
        summary=directive.label,
    )
    await workflow.wait_condition(lambda: sending.done() or run.is_cancelled())
    if sending.done():
        await sending


async def _until(is_woken: Callable[[], bool], instant: float, label: str) -> None:
    seconds = instant - workflow.time()
    if seconds <= 0:
        return
    try:
        await workflow.wait_condition(
            is_woken, timeout=timedelta(seconds=seconds), timeout_summary=label
        )
    except TimeoutError:
        return


async def _await_batch(run: Waiting, directive: AwaitBatch) -> None:
    """Wait for word that the batch has closed, or for a cancel.

    There is no timer: the batch has one, and the sweep says it again when the word was lost.
    """
    await workflow.wait_condition(lambda: run.has_closed(directive.batch_id) or run.is_cancelled())


async def _await_event(run: Waiting, directive: AwaitEvent) -> None:
    """Wait for word of an event, for a cancel, or for the end of the wait.

    The word is taken before the walk that looks for the event, so what comes during it is heard.
    """
    seconds = directive.until - workflow.time()
    with contextlib.suppress(TimeoutError):
        await workflow.wait_condition(
            lambda: run.has_news(directive.step_ref) or run.is_cancelled(),
            timeout=timedelta(seconds=seconds if seconds > 0 else _SECONDS_AFTER_END),
            timeout_summary=directive.label,
        )
    run.take_news(directive.step_ref)


WAITS: dict[str, Wait] = {
    "walk_on": _walk_on,
    "sleep_until": _sleep_until,
    "fetch": _fetch,
    "await_batch": _await_batch,
    "await_event": _await_event,
}
# What a workflow of this version can obey; it says so with every walk.
SPEAKS = ("finished", *WAITS)
