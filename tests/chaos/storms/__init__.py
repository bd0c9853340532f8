"""Storms beside the load: many of one kind at once, while parts die, each promised exactly."""

from __future__ import annotations

from tests.chaos.storms.base import Scene, Storm
from tests.chaos.storms.batches import BatchStorm
from tests.chaos.storms.bulk import BulkStorm
from tests.chaos.storms.first_runs import FirstRunStorm
from tests.chaos.storms.followers import FollowerStorm
from tests.chaos.storms.schedules import ScheduleStorm
from tests.chaos.storms.throttles import ThrottleStorm
from tests.chaos.storms.webhooks import WebhookStorm

STORMS: tuple[type[Storm], ...] = (
    BatchStorm,
    ThrottleStorm,
    FirstRunStorm,
    FollowerStorm,
    BulkStorm,
    WebhookStorm,
    # Last, because its schedules are due soon after they are made.
    ScheduleStorm,
)

__all__ = ["STORMS", "Scene", "Storm"]
