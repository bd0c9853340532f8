"""Send broadcasts: at once or at an instant, and stop them.

The row of a broadcast decides: whoever sends, cancels or stops it holds that row. A Temporal
workflow waits for the instant, and the sweep sends what nobody has sent in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from domain.broadcasts.broadcast import BROADCAST, Broadcast
from domain.broadcasts.rows import BroadcastStatus, DueBroadcast, StoredBroadcast
from domain.content.audience import AUDIENCE
from domain.content.rows import Version
from domain.contract.timers import BroadcastInput
from domain.kit.errors import InvalidParams, Unprocessable
from domain.kit.ids import new_id
from domain.kit.principals import EnvironmentScope
from domain.triggers.addressees import BroadcastTrigger
from models.queries.account.environments import get_environment_by_id
from models.queries.broadcasts import broadcasts as statements
from models.queries.content.drafts import insert_version, is_archived
from models.queries.triggers import addressees
from models.queries.triggers.cancellations import cancel_runs
from runtime.logs import get_logger
from services import effect_kinds, effects
from services.broadcasts.broadcasts import (
    BroadcastView,
    missing,
    not_draft,
    refuse_two_targets,
    views,
)
from services.content.judging import refuse
from services.content.references import load_surroundings, references_of
from services.engine import Engine, Unit
from services.in_pages import in_pages
from services.triggers.releases import release_cancellation, release_trigger
from services.triggers.segments import dynamic_audiences, unbuilt

_log = get_logger(__name__)

# How long after its time a broadcast counts as left over, and how many are read at a time.
_GRACE = timedelta(seconds=15)
_PAGE_SIZE = 100


async def send_broadcast(
    engine: Engine, environment: EnvironmentScope, key: str, send_at: datetime | None
) -> BroadcastView:
    """Send a draft now, or schedule it.

    What it says is frozen with the request; who receives it is decided when it is sent. That is as
    soon as all users were compared with its audience, if that was just committed: it is scheduled
    for now until then.

    Args:
        engine: the parts of this process.
        environment: where.
        key: of the broadcast.
        send_at: when; None and what is past mean now.

    Raises:
        NotFound: there is no such broadcast.
        Unprocessable: `broadcast_not_draft`, it is scheduled or was sent;
            `broadcast_has_audience`, see `refuse_two_targets`; `broadcast_recipients_not_read`, the
            file with its recipients was not read to its end.
        InvalidParams: it refers to what is not there or not committed, or has no steps.
    """
    async with engine.unit() as unit:
        connection = unit.connection
        held = await _hold(unit, environment, key)
        if held.status != BroadcastStatus.DRAFT:
            raise not_draft(key)
        document = BROADCAST.read(held.content, key)
        await _require_sendable(unit, environment, held, document)
        version = Version(new_id(), held.content, held.sha, unit.now)
        await insert_version(connection, environment.id, BROADCAST.name, key, version)
        instant = max(send_at or unit.now, unit.now)
        changed = await statements.schedule_broadcast(
            connection, environment.id, key, send_at=instant, version_id=version.id, now=unit.now
        )
        changed = changed or held
        if instant <= unit.now:
            changed = await _send(unit, environment, changed)
        else:
            await effects.owe(
                unit,
                environment.id,
                effect_kinds.AWAIT_BROADCAST,
                effect_kinds.awaited_broadcast(key, changed.sends, send_at=instant.timestamp()),
            )
        return (await views(connection, environment, [changed]))[0]


async def _require_sendable(
    unit: Unit, environment: EnvironmentScope, held: StoredBroadcast, document: Broadcast
) -> None:
    if not document.definition.steps:
        raise InvalidParams.of("steps", "must not be empty")
    if held.upload_id is not None:
        refuse_two_targets(document, held.key)
        if not held.upload_is_complete:
            raise Unprocessable(
                "The CSV file with the recipients has not been read completely; wait, or upload "
                "it again.",
                code="broadcast_recipients_not_read",
            )
    references = references_of(BROADCAST, document)
    around = await load_surroundings(unit.connection, environment, references, published=True)
    refuse(around.errors(references))


async def send_scheduled(engine: Engine, order: BroadcastInput) -> str:
    """Send a scheduled broadcast whose time has come; doing it twice sends it once.

    Returns:
        What has become of it, in a word.

    Raises:
        Unavailable: the database is away; nothing was done.
    """
    async with engine.unit() as unit:
        found = await get_environment_by_id(unit.connection, UUID(order.environment_id))
        if found is None:
            return "gone"
        environment = EnvironmentScope(found.id, found.slug)
        return await _send_due(unit, environment, order.key, order.sends)


async def _send_due(unit: Unit, environment: EnvironmentScope, key: str, sends: int) -> str:
    held = await statements.get_broadcast(unit.connection, environment.id, key, hold=True)
    if held is None or held.sends != sends:
        return "gone"
    if held.status == BroadcastStatus.SCHEDULED:
        held = await _send(unit, environment, held)
    return held.status


async def _send(
    unit: Unit, environment: EnvironmentScope, held: StoredBroadcast
) -> StoredBroadcast:
    """Make a broadcast that is held a trigger, whose runs its fan-out makes.

    One whose audience does not know all of its members yet stays scheduled; the sweep comes back.
    One whose audience was archived meanwhile is a draft again: nobody would get it, and it could
    not be sent to others.
    """
    if held.version_id is None:
        raise LookupError("a scheduled broadcast has a version")
    engine, connection = unit.engine, unit.connection
    audience_key = BROADCAST.read(held.content, held.key).target_audience_key
    if audience_key is not None and await _is_unbuilt(unit, environment, audience_key):
        _log.info("broadcast_waits_for_audience", broadcast=held.key, audience=audience_key)
        return held
    if audience_key is not None and await is_archived(
        connection, environment.id, AUDIENCE.name, audience_key
    ):
        _log.warning("broadcast_audience_gone", broadcast=held.key, audience=audience_key)
        drafted = await statements.unschedule_broadcast(
            connection, environment.id, held.key, unit.now
        )
        return drafted or held
    trigger = BroadcastTrigger(
        workflow_run_id=new_id(),
        key=held.key,
        version_id=held.version_id,
        audience_key=audience_key,
        upload_id=held.upload_id,
        release_within=timedelta(seconds=engine.settings.sweep_seconds),
    )
    await addressees.accept_broadcast(connection, environment.id, trigger, unit.now)
    sent = await statements.note_sent(
        connection,
        environment.id,
        held.key,
        workflow_run_id=trigger.workflow_run_id,
        now=unit.now,
    )
    unit.after(
        partial(release_trigger, engine, environment, trigger.workflow_run_id, [], expands=True)
    )
    return sent or held


async def _is_unbuilt(unit: Unit, environment: EnvironmentScope, audience_key: str) -> bool:
    # What the request has read with its key may be older than what is published now.
    where = EnvironmentScope(environment.id, environment.slug)
    audiences = await dynamic_audiences(unit.engine, unit.connection, where)
    targets = [one for one in audiences if one.key == audience_key]
    return bool(targets and await unbuilt(unit.connection, where.id, targets))


async def cancel_broadcast(
    engine: Engine, environment: EnvironmentScope, key: str
) -> BroadcastView:
    """Make a scheduled broadcast a draft again; stop one that is being sent.

    A stopped one stays `sent`: whoever has no run yet gets none, and the runs that have not ended
    are cancelled. Messages already made are untouched.

    Raises:
        NotFound: there is no such broadcast.
        Unprocessable: `broadcast_not_scheduled`, it is a draft, or everybody has received it.
    """
    async with engine.unit() as unit:
        connection = unit.connection
        held = await _hold(unit, environment, key)
        if held.status == BroadcastStatus.SCHEDULED:
            changed = await statements.unschedule_broadcast(
                connection, environment.id, key, unit.now
            )
            await effects.owe(
                unit,
                environment.id,
                effect_kinds.FORGET_BROADCAST,
                effect_kinds.forgotten_broadcast(key, held.sends),
            )
        elif await _stop(unit, environment, held):
            changed = await statements.note_stopped(connection, environment.id, key, unit.now)
        else:
            raise Unprocessable(
                f"The broadcast {key[:255]!r} is neither scheduled nor being sent.",
                code="broadcast_not_scheduled",
            )
        return (await views(connection, environment, [changed or held]))[0]


async def _stop(unit: Unit, environment: EnvironmentScope, held: StoredBroadcast) -> bool:
    """Make no more runs of a broadcast, and cancel the open ones; tells whether there were any."""
    if held.workflow_run_id is None:
        return False
    engine, cancellation_id = unit.engine, new_id()
    runs = await cancel_runs(
        unit.connection,
        environment.id,
        branch_id=None,
        cancellation_id=cancellation_id,
        workflow_key=held.key,
        cancellation_key=str(held.workflow_run_id),
        recipients=None,
        now=unit.now,
        release_within=timedelta(seconds=engine.settings.sweep_seconds),
    )
    left = await addressees.forget_addressees(unit.connection, environment.id, held.workflow_run_id)
    if runs:
        release = partial(release_cancellation, engine, environment, cancellation_id)
        unit.after(partial(release, run_count=len(runs)))
    return bool(runs) or left > 0


async def send_left_over(engine: Engine, *, grace: timedelta = _GRACE) -> int:
    """Send scheduled broadcasts that nobody has sent in time; one that fails delays no other.

    Returns:
        How many there were.

    Raises:
        Unavailable: the database is away.
    """
    before = engine.clock() - grace
    return await in_pages(
        engine,
        lambda connection, after: statements.overdue_broadcasts(
            connection, before, limit=_PAGE_SIZE, after=after
        ),
        partial(_send_late, engine),
        size=_PAGE_SIZE,
    )


async def _send_late(engine: Engine, overdue: Sequence[DueBroadcast]) -> bool:
    for late in overdue:
        try:
            async with engine.unit() as unit:
                await _send_due(unit, late.scope, late.key, late.sends)
        except Exception as error:
            _log.warning("broadcast_not_sent", broadcast=late.key, error=type(error).__name__)
    return True


async def _hold(unit: Unit, environment: EnvironmentScope, key: str) -> StoredBroadcast:
    held = await statements.get_broadcast(unit.connection, environment.id, key, hold=True)
    if held is None:
        raise missing(key)
    return held
