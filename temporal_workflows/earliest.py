"""Sleeping until an instant that signals may move to an earlier one, but never to a later one.

What has moved away is found when the timer fires, by whoever looks then.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from temporalio import workflow


class EarliestInstant:
    """The earliest instant that a Temporal workflow has heard of, in epoch seconds.

    A signal may come before its workflow runs, so one is made with the workflow.
    """

    def __init__(self) -> None:
        self._heard: float | None = None

    @property
    def heard(self) -> float | None:
        """The earliest instant since it was last forgotten, or None."""
        return self._heard

    def hear(self, at: float) -> None:
        """Hear of an instant; one that is later than the known one changes nothing."""
        if self._heard is None or at < self._heard:
            self._heard = at

    def forget(self) -> None:
        """Take what is heard from here on as news."""
        self._heard = None

    async def sleep(self, until: float, *, summary: str, longest: float | None = None) -> None:
        """Sleep until an instant, or an earlier one that is heard of.

        Args:
            until: in epoch seconds.
            summary: what the Temporal UI shows beside the timer.
            longest: most seconds of one timer; a longer sleep takes several.
        """
        while (wait := until - workflow.time()) > 0:
            try:
                await workflow.wait_condition(
                    partial(self._is_before, until),
                    timeout=timedelta(seconds=wait if longest is None else min(wait, longest)),
                    timeout_summary=summary,
                )
            except TimeoutError:
                # As histories have it: a window's timer is its only one, a clock may set another.
                if longest is None:
                    return
            else:
                until = min(until, self._heard or until)

    def _is_before(self, until: float) -> bool:
        return self._heard is not None and self._heard < until
