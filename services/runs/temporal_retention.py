"""For how long Temporal remembers what has ended, asked now and then."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from runtime.temporal import is_away
from services.temporal_looks import retention

# Where Temporal does not say how long it remembers.
_ASSUMED = timedelta(days=7)
_KEPT_SECONDS = 3_600.0


class TemporalRetention:
    """The answer of Temporal, kept for an hour."""

    def __init__(self) -> None:
        self._length = _ASSUMED
        self._expires: float | None = None

    async def covers(self, temporal: Client, instant: datetime, *, now: datetime) -> bool:
        """Tell whether Temporal still knows everything that ended since an instant.

        Raises:
            RPCError, RuntimeError: Temporal is away.
        """
        if self._expires is None or time.monotonic() > self._expires:
            try:
                self._length = await retention(temporal)
            except RPCError as error:
                if is_away(error):
                    raise
                self._length = _ASSUMED
            self._expires = time.monotonic() + _KEPT_SECONDS
        return now - instant < self._length
