"""What a transaction owes to Temporal: recorded in it, done after its commit, found when lost.

A transaction must not call Temporal: what was started could not be taken back with it, and the
row locks would last as long as the call. So it records what is owed; whoever committed does it at
once; and the sweep does what a process that died, or an absent Temporal, left over. Every effect
is harmless to repeat, because it may happen and its row stay.

The kinds are in `services/effect_kinds.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from domain.jobs.rows import OwedEffect
from domain.kit.errors import Unavailable
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from models.queries.jobs import effects as statements
from runtime.logs import get_logger
from runtime.temporal import is_away
from services.at_once import each_at_once
from services.effect_kinds import EFFECTS
from services.engine import Engine, Unit

_log = get_logger(__name__)

# The one who committed is at it for this long; then it counts as left over.
_PATIENCE = timedelta(seconds=15)
_LONGEST_WAIT = timedelta(minutes=10)
# Taken at a time by the sweep, and worked on at the same time by anyone.
_PAGE_SIZE = 100
_CONCURRENCY = 16
_CALL_SECONDS = 5.0
# A duty ends by itself before its activity's time does; the next sweep goes on.
_SECONDS = 60.0


async def owe(
    unit: Unit, environment_id: UUID, kind: str, payload: JsonObject, *, at_once: bool = True
) -> UUID:
    """Record an effect in a unit of work, which does it after its commit; returns its id.

    Args:
        unit: the transaction that the effect belongs to.
        environment_id: where.
        kind: one of `services/effect_kinds.py`.
        payload: what the kind needs; ids only, as it may end in a history.
        at_once: whether the unit does it; else its caller settles or forgets it, or the sweep
            does it.
    """
    (effect_id,) = await owe_all(unit, kind, [(environment_id, payload)], at_once=at_once)
    return effect_id


async def owe_all(
    unit: Unit, kind: str, owed: Iterable[tuple[UUID, JsonObject]], *, at_once: bool = True
) -> Sequence[UUID]:
    """Record effects of one kind, each with its environment, as `owe` does; returns their ids."""
    rows = [(new_id(), environment_id, payload) for environment_id, payload in owed]
    if not rows:
        return []
    await statements.owe(unit.connection, rows, kind=kind, now=unit.now, patience=_PATIENCE)
    ids = [effect_id for effect_id, _environment_id, _payload in rows]
    if at_once:
        if not unit.owed:
            unit.after(partial(settle, unit.engine, unit.owed))
        unit.owed.extend(ids)
    return ids


async def settle(engine: Engine, ids: Sequence[UUID]) -> int:
    """Do effects whose transaction was committed; what fails or lasts is left to the sweep.

    Never raises because Temporal or the database is away: what was committed holds already. While
    Temporal counts as away nobody waits for it, but for one probe a second, as with releases.

    Returns:
        How many were done.
    """
    if not ids or not engine.temporal_breaker.lets_through():
        return 0
    try:
        async with engine.connection() as connection:
            owed = await statements.effects_by_id(connection, ids)
        return await _do(engine, owed, seconds=engine.settings.start_timeout_seconds)
    except Unavailable:
        return 0


async def forget(engine: Engine, ids: Sequence[UUID]) -> None:
    """Note that effects have happened, or need not happen any more."""
    async with engine.connection() as connection:
        await statements.forget(connection, ids)


async def do_left_over_effects(engine: Engine) -> int:
    """Do what was owed and not done in time; one that fails never keeps the others waiting.

    After an absence of Temporal there may be thousands: it goes on, page by page, for as long as
    anything can be done.

    Returns:
        How many were done.

    Raises:
        Unavailable: the database is away.
    """
    deadline = time.monotonic() + _SECONDS
    total = 0
    while (left := deadline - time.monotonic()) > 0:
        async with engine.connection() as connection:
            owed = await statements.take_due(
                connection, limit=_PAGE_SIZE, first_wait=_PATIENCE, longest_wait=_LONGEST_WAIT
            )
        done = await _do(engine, owed, seconds=left)
        total += done
        # Where not one could be done, Temporal is likely away: the next page would only be put off.
        if not done or len(owed) < _PAGE_SIZE:
            break
    return total


async def _do(engine: Engine, owed: Sequence[OwedEffect], *, seconds: float) -> int:
    """Do effects within some seconds, and forget those that were done by then.

    The breaker of Temporal learns whether it was there.
    """
    done: list[UUID] = []
    is_there = True

    async def do(effect: OwedEffect) -> None:
        nonlocal is_there
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                await EFFECTS[effect.kind](engine.temporal, effect)
        except Exception as error:
            is_there = is_there and not is_away(error)
            # A kind that only a newer process knows is a KeyError here, and that one's to do.
            _log.warning(
                "effect_left_over",
                kind=effect.kind,
                effect_id=str(effect.id),
                attempts=effect.attempts,
                error=type(error).__name__,
            )
        else:
            done.append(effect.id)

    try:
        async with asyncio.timeout(seconds):
            await each_at_once(owed, do, at_once=_CONCURRENCY)
    except TimeoutError:
        is_there = False
    if done:
        engine.temporal_breaker.succeeded()
        await forget(engine, done)
    elif not is_there:
        engine.temporal_breaker.failed()
    return len(done)
