"""Records that messages were opened and links followed, without keeping people from their links.

Whoever follows a link waits until it is recorded, but for a quarter of a second at most: then the
process goes on trying, for as long as it lives, up to an hour (ADR 34).
"""

from __future__ import annotations

import asyncio
from uuid import UUID

import psycopg
from psycopg.errors import UniqueViolation

from domain.kit.errors import AppError
from domain.tracking.rows import Sighting, TrackedLink
from models.queries.tracking.sightings import store_sighting
from runtime.faults import fault_of
from runtime.logs import get_logger
from services.engine import Engine
from services.tracking.under_way import SightingsUnderWay
from services.waits.telling import hurry

_log = get_logger(__name__)

_PATIENCE_SECONDS = 0.25
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 1.0, 30.0
_MOST_SECONDS = 3600.0
_LAST_MOMENT_SECONDS = 5.0


async def record_click(engine: Engine, link: TrackedLink) -> None:
    """Record that somebody followed a link."""
    await _record(engine, Sighting(link.message_id, engine.clock(), link.url))


async def record_opening(engine: Engine, message_id: UUID) -> None:
    """Record that somebody opened a message."""
    await _record(engine, Sighting(message_id, engine.clock()))


async def _record(engine: Engine, sighting: Sighting) -> None:
    under_way = engine.sightings_under_way
    if under_way.has(sighting):
        return
    if under_way.is_full:
        _log.error("sighting_lost", reason="too many are waiting for the database")
        return
    task = asyncio.create_task(_until_stored(engine, sighting))
    under_way.begin(sighting, task)
    await asyncio.wait({task}, timeout=_PATIENCE_SECONDS)


async def _until_stored(engine: Engine, sighting: Sighting) -> None:
    now = asyncio.get_running_loop().time
    deadline, wait = now() + _MOST_SECONDS, _FIRST_WAIT_SECONDS
    while True:
        try:
            async with engine.sightings_under_way.slots, engine.unit() as unit:
                await store_sighting(unit.connection, sighting)
        except UniqueViolation:
            return  # the answer to the try before was lost
        except (AppError, psycopg.OperationalError) as error:
            if now() >= deadline:
                _log.error("sighting_lost", **fault_of(error).fields())
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
        except Exception as error:  # nobody waits for this task who could hear of it
            _log.error("sighting_lost", **fault_of(error).fields())
            return
        else:
            hurry(engine)
            return


async def close_recording(under_way: SightingsUnderWay) -> None:
    """Let what was seen be stored for a moment, as a process that stops does, and drop the rest."""
    tasks = list(under_way.tasks)
    if not tasks:
        return
    _done, open_ = await asyncio.wait(tasks, timeout=_LAST_MOMENT_SECONDS)
    for task in open_:
        task.cancel()
    await asyncio.gather(*open_, return_exceptions=True)
    if open_:
        _log.error("sighting_lost", reason="the process is stopping", count=len(open_))
