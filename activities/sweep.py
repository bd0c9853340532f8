"""The duties of the sweep: what a process that died, or an absent Temporal, left behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.beats import beating
from runtime.logs import get_logger
from services.account.removal import delete_removed_environments
from services.audiences.refresh import refresh_audiences
from services.batches.windows import close_left_over_windows
from services.broadcasts.sending import send_left_over
from services.bulk.recovery import recover_bulk_operations
from services.deliveries.checks import take_up_checks
from services.deliveries.recovery import recover_deliveries
from services.effects import do_left_over_effects
from services.engine import Engine
from services.jobs.expired import forget_expired
from services.jobs.retention import delete_past_retention
from services.runs.reconciliation import reconcile_runs
from services.triggers.release_sweep import confirm_releases, release_left_over
from services.triggers.schedule_clocks import look_after_schedules
from services.waits.sweep import look_after_waits
from services.webhooks.fan_out import tell_webhooks

_log = get_logger(__name__)

# Every sweep does all of them, side by side, so that none can starve another. Each returns how
# much it did, and ends by itself before its activity's time is over.
DUTIES: dict[str, Callable[[Engine], Awaitable[int]]] = {
    "release": release_left_over,
    "confirm": confirm_releases,
    "effects": do_left_over_effects,
    "reconcile": reconcile_runs,
    "deliveries": recover_deliveries,
    "checks": take_up_checks,
    "windows": close_left_over_windows,
    "broadcasts": send_left_over,
    "schedules": look_after_schedules,
    "audiences": refresh_audiences,
    "bulk": recover_bulk_operations,
    "waits": look_after_waits,
    "webhooks": tell_webhooks,
    "forget": forget_expired,
    "expiry": delete_past_retention,
    "removed": delete_removed_environments,
}


class SweepActivities:
    """Sweeps."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @activity.defn(name="sweep")
    async def sweep(self, duty: str) -> int:
        """Do one duty; returns how much there was to do."""
        work = DUTIES.get(duty)
        if work is None:  # a newer worker's
            raise ApplicationError(f"unknown duty {duty!r}", non_retryable=True)
        async with beating():
            try:
                return await work(self._engine)
            except Exception as error:
                _log.error("sweep_duty_failed", duty=duty, error=type(error).__name__)
                raise
