"""Compares all users with dynamic audiences: when one is published, and as time goes by.

Where a user changes, that user is compared at once (`services/triggers/segments.py`). All of them
are compared when an audience is new or has other conditions, twice, because somebody may just have
been changing a user without knowing of it; and every hour where conditions depend on the time.
Whoever publishes audiences compares some thousand users with them for a moment before the answer,
which are mostly all there are; the sweep does the rest.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from domain.audiences.members import Build
from domain.kit.principals import EnvironmentScope
from models.queries.audiences import builds as statements
from models.queries.recipients.recipients import hold_users_after
from runtime.logs import get_logger
from services.engine import Engine, Unit
from services.triggers.audience_entries import trigger_entered
from services.triggers.segments import DynamicAudience, dynamic_audiences, settle

_log = get_logger(__name__)

# Users in one transaction, which holds them; and such transactions of who publishes an audience.
_PAGE_SIZE = 500
_PAGES_AT_ONCE = 10
# For all audiences that are published at once, and for one sweep.
_SECONDS_AT_ONCE = 1.0
_SECONDS = 20.0
# No request is at work for longer than this.
_AGAIN_AFTER = timedelta(minutes=1)
_EVERY = timedelta(hours=1)
_AFTER_A_FAULT = timedelta(minutes=5)
# Passes that are about the audience itself: who it applies to from the beginning triggers nothing.
_FIRST_PASSES = 2


async def build_at_once(engine: Engine, audiences: Collection[tuple[UUID, str]]) -> None:
    """Compare users with audiences that were just published, as far as that is soon done.

    Whatever it leaves, or fails by, is the sweep's: what was published holds already.

    Args:
        engine: the parts of this process.
        audiences: environments and keys. Of the first at least a page of users is compared.
    """
    until = monotonic() + _SECONDS_AT_ONCE
    for environment_id, audience_key in audiences:
        try:
            await _build_until(until, engine, environment_id, audience_key)
        except Exception as error:
            _log.warning(
                "audience_left_to_sweep", audience=audience_key, error=type(error).__name__
            )
        if monotonic() >= until:
            break


async def _build_until(
    until: float, engine: Engine, environment_id: UUID, audience_key: str
) -> None:
    async with engine.connection() as connection:
        await statements.begin_build(connection, environment_id, audience_key, engine.clock())
    for _page in range(_PAGES_AT_ONCE):
        async with engine.unit() as unit:
            build = await statements.hold_new_build(
                unit.connection, environment_id, audience_key, unit.now
            )
            if build is None:
                break
            await _compare(unit, build)
        if monotonic() >= until:
            break


async def refresh_audiences(engine: Engine) -> int:
    """Compare users with the audiences that are due, for some seconds; one that fails has to wait.

    Returns:
        How many users were compared.

    Raises:
        Exception: what the first audience has failed by, after all others had their turn.
    """
    async with engine.connection() as connection:
        await statements.begin_builds(connection, engine.clock())
    until, compared, failures = monotonic() + _SECONDS, 0, list[Exception]()
    while monotonic() < until:
        taken: list[Build] = []
        try:
            async with engine.unit() as unit:
                build = await statements.take_build(unit.connection, unit.now)
                if build is None:
                    break
                taken.append(build)
                compared += await _compare(unit, build)
        except Exception as error:
            failures.append(error)
            if not taken:
                break
            await _put_off(engine, taken[0])
    if failures:
        raise failures[0]
    return compared


async def _put_off(engine: Engine, build: Build) -> None:
    """Let a build wait that has failed; it goes on where it stood."""
    _log.warning("audience_not_refreshed", audience=build.audience_key)
    async with engine.connection() as connection:
        await statements.put_off_build(connection, build, engine.clock() + _AFTER_A_FAULT)


async def _compare(unit: Unit, build: Build) -> int:
    """Compare the next users with an audience, whose build is locked; returns how many."""
    connection = unit.connection
    place = (build.environment_id, build.audience_key)
    environment = EnvironmentScope(build.environment_id, build.environment)
    found = await dynamic_audiences(unit.engine, connection, environment)
    audience = next((one for one in found if one.version_id == build.version_id), None)
    if audience is None:
        if any(one.key == build.audience_key for one in found):  # another version was published
            await statements.begin_build(connection, *place, unit.now)
        else:
            await statements.drop_build(connection, *place)
        return 0
    users = await hold_users_after(
        connection, build.environment_id, build.position, limit=_PAGE_SIZE
    )
    entered = await settle(unit, build.environment_id, [audience], users) if users else {}
    if build.passes >= _FIRST_PASSES:
        for key, who in entered.items():
            await trigger_entered(unit, environment, key, who)
    position, passes, due_at = (
        "",
        build.passes + 1,
        _next_pass(audience, build.passes + 1, unit.now),
    )
    if len(users) == _PAGE_SIZE:
        position, passes, due_at = users[-1].id, build.passes, unit.now
    await statements.advance_build(
        connection, build, position=position, passes=passes, due_at=due_at
    )
    return len(users)


def _next_pass(audience: DynamicAudience, passes: int, now: datetime) -> datetime | None:
    if passes < _FIRST_PASSES:
        return now + _AGAIN_AFTER
    return now + _EVERY if audience.audience.moves_with_time else None
