"""How a run obeys each kind of directive: a table, so that a new kind touches no other.

A recorded history holds only kinds that its time knew, so adding one is safe to replay. What the
wait of an existing kind does must not change: its histories are replayed for up to a year.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol

from temporalio import workflow

from domain.contract.runs import AwaitBatch, SleepUntil, WalkOn


class Waiting(Protocol):
    """What a wait may ask the run that it holds up."""

    def is_cancelled(self) -> bool:
        """Tell whether a cancel has arrived."""

    def has_closed(self, batch_id: str) -> bool:
        """Tell whether word has come that a batch has closed."""


Wait = Callable[[Waiting, Any], Awaitable[None]]


async def _walk_on(run: Waiting, directive: WalkOn) -> None:
    """Go on at once."""


async def _sleep_until(run: Waiting, directive: SleepUntil) -> None:
    """Wait for the instant, or for a cancel, whichever comes first."""
    seconds = directive.until - workflow.time()
    if seconds <= 0:
        return
    try:
        await workflow.wait_condition(
            run.is_cancelled,
            timeout=timedelta(seconds=seconds),
            timeout_summary=directive.label,
        )
    except TimeoutError:
        return


async def _await_batch(run: Waiting, directive: AwaitBatch) -> None:
    """Wait for word that the batch has closed, or for a cancel.

    There is no timer: the batch has one, and the sweep says it again when the word was lost.
    """
    await workflow.wait_condition(lambda: run.has_closed(directive.batch_id) or run.is_cancelled())


WAITS: dict[str, Wait] = {
    "walk_on": _walk_on,
    "sleep_until": _sleep_until,
    "await_batch": _await_batch,
}
# What a workflow of this version can obey; it says so with every walk.
SPEAKS = ("finished", *WAITS)
