"""The throttles of a world that nobody stores: whom they have let pass."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from models.queries.runs.throttles import ThrottleVerdict
from runtime.database import Connection


@dataclass(slots=True)
class Throttles:
    """Counts as `models/queries/runs/throttles.py` does, for the runs of one world."""

    _passes: dict[UUID, list[tuple[datetime, datetime]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    async def try_to_pass(
        self,
        _connection: Connection,
        throttle_id: UUID,
        _run_id: UUID,
        *,
        limit: int,
        since: datetime | None,
        ends_at: datetime,
        now: datetime,
    ) -> ThrottleVerdict:
        """Let a run pass if fewer than `limit` did, and remember it."""
        passes = self._passes[throttle_id]
        counted = [
            ends for passed, ends in passes if ends > now and (since is None or passed > since)
        ][-limit:]
        first_end = min(counted, default=None)
        is_open = len(counted) < limit
        if is_open:
            own_end = ends_at if since is not None or first_end is None else first_end
            passes.append((now, own_end))
            first_end = own_end
        return ThrottleVerdict(is_open=is_open, passes=len(counted), ends_at=first_end or ends_at)
