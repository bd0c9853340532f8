"""Takes events from the outbox to the endpoints that want them: a duty of the sweep.

Each delivery is a row and a Temporal workflow of its own. An endpoint has so many under way at
most; what is beyond waits in the table, in the order in which it was told, so that an endpoint
that is slow or away keeps nobody else waiting, fills no queue and loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from domain.webhooks.deliveries import StartableDelivery
from models.queries.webhooks import deliveries as statements
from models.queries.webhooks import endpoints
from runtime.logs import get_logger
from services.at_once import each_that_can, kinds_of
from services.engine import Engine
from services.events.outbox import UnknownReader, hand_over
from services.temporal_calls import start_webhook_delivery
from services.webhooks.endpoints import READER, listen
from services.webhooks.telling import tell_endpoints

_log = get_logger(__name__)

# How many deliveries of one endpoint are under way, and are handed over, at the same time.
_UNDER_WAY = 100
_HANDED_OVER = 100
# Longer than a busy worker takes to begin.
_GRACE_SECONDS = 180.0
_OVERDUE_AT_ONCE = 200
_LOOK_SECONDS = 1.0
# The part of the time between two sweeps that one takes: it ends before the next is due, and within
# a minute.
_SHARE, _LONGEST_SECONDS = 0.75, 60.0


async def tell_webhooks(engine: Engine) -> int:
    """Take what happens to the endpoints, once a second until the next sweep is near.

    Where there is no endpoint, it ends at once.

    Returns:
        How many deliveries were started.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + min(engine.settings.sweep_seconds * _SHARE, _LONGEST_SECONDS)
    started = 0
    while True:
        async with engine.connection() as connection:
            has_endpoints = bool(await endpoints.environments_with_endpoints(connection))
        if not has_endpoints:
            return started
        has_more = await take_events(engine)
        now_started = await start_deliveries(engine)
        started += now_started
        if loop.time() + _LOOK_SECONDS >= ends_at:
            return started
        if not (has_more or now_started):
            await asyncio.sleep(_LOOK_SECONDS)


async def take_events(engine: Engine) -> bool:
    """Store what endpoints are told of the next events; returns whether there are more.

    A reader that was too far behind was forgotten: it listens anew, and what it missed is lost to
    it, which the outbox has logged.
    """
    try:
        return await hand_over(engine, READER, tell_endpoints, limit=_HANDED_OVER)
    except UnknownReader:
        async with engine.connection() as connection:
            environments = await endpoints.environments_with_endpoints(connection)
        for environment_id in environments:
            async with engine.unit() as unit:
                await endpoints.lock_endpoints(unit.connection, environment_id)
                await listen(unit, environment_id)
        return False


async def start_deliveries(engine: Engine) -> int:
    """Start deliveries that wait, and again those that nobody seems to work on.

    Returns:
        How many were started. What fails is overdue after some minutes.
    """
    async with engine.connection() as connection:
        waiting = await statements.take_waiting(connection, most=_UNDER_WAY)
        overdue = await statements.take_overdue(
            connection, grace=_GRACE_SECONDS, limit=_OVERDUE_AT_ONCE
        )
    return await _start_all(engine, [*waiting, *overdue])


async def _start_all(engine: Engine, deliveries: Sequence[StartableDelivery]) -> int:
    failures = await each_that_can(deliveries, partial(start_webhook_delivery, engine.temporal))
    if failures:
        _log.warning("webhooks_not_started", count=len(failures), errors=kinds_of(failures))
    return len(deliveries) - len(failures)
