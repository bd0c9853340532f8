"""A breaker: keeps callers from waiting, one after the other, for a server that is away."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Opens after several failures in a row; while open it lets one caller a pause try.

    Args:
        failures: how many in a row open it; any success closes it.
        pause: seconds between two probes while it is open.
        clock: tells seconds; only differences count.
    """

    def __init__(
        self, *, failures: int, pause: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._failures = 0
        self._probe_at = 0.0

    @property
    def is_open(self) -> bool:
        """Tell whether the server counts as away."""
        return self._failures >= self._limit

    def lets_through(self) -> bool:
        """Tell whether to try now; a caller that is told so while it is open is the probe."""
        if not self.is_open:
            return True
        now = self._clock()
        if now < self._probe_at:
            return False
        self._probe_at = now + self._pause
        return True

    def succeeded(self) -> None:
        """Note that the server did what it was asked."""
        self._failures = 0

    def failed(self) -> None:
        """Note that the server was away, or too slow."""
        self._failures += 1
        if self._failures == self._limit:
            self._probe_at = self._clock() + self._pause
