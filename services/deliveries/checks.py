"""Ask vendors what became of messages that they have taken, for channels that want that.

The vendor's answer to a message that asks is stored together with a row that says when it is asked
for the first time; Temporal waits, and calls `check_status`. Whatever decides meanwhile, a callback
or a retry by hand, ends the checks at the next one: none is made for a message that is not `sent`.
A message whose channel does not ask has no row, and no execution.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.channels.kinds import delivery_queue
from domain.channels.types import ChannelType
from domain.contract.deliveries import StatusCheckInput
from domain.deliveries.checks import (
    MOST_CHECKS,
    WAITS,
    BegunCheck,
    CheckedMessage,
    CheckRecord,
    Finding,
    StartableCheck,
)
from domain.deliveries.claims import HELD_BY_OPERATOR, held_wait
from domain.deliveries.delivery import Delivery, DeliveryFailure, Misconfigured, Retry
from domain.kit.errors import InvalidParams
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from models.queries.deliveries import checks as statements
from providers.base import Provider, is_asked, server_of
from runtime.database import Connection
from runtime.logs import get_logger
from runtime.vault import BrokenSeal, UnknownKey
from services.at_once import each_that_can, kinds_of
from services.attempts import Held, TryAgain
from services.channels.sealing import open_content, open_provider_settings
from services.channels.variables import Filled, fill_in
from services.deliveries.calling import calling
from services.deliveries.hidden import hidden
from services.engine import Engine
from services.temporal_calls import start_status_check
from services.until_stored import each_second, until_stored
from services.waits.telling import hurry
from templating.limits import LiquidError

_log = get_logger(__name__)

# Outlives a call and a short absence of the database; a dead worker's check is lost with it, and
# the next one is made when this is over.
_LEASE_SECONDS = 60.0
_LONGEST_CALL_SECONDS = 45.0
_LONGEST_WISH_SECONDS = 900.0
_SEALED_SECONDS = 60.0
# How long an answer is kept for a database that does not take it.
_PATIENCE_SECONDS = 300.0
# Longer than a lease, and than a busy worker takes to begin.
_GRACE_SECONDS = 180.0
_OVERDUE_AT_ONCE = 200
_START_SECONDS = 5.0
# Something else has decided, or there is nobody to ask.
_SETTLED = "settled"


class _NotAsked(Exception):
    """There is nobody to ask any more."""


async def begin_checks(engine: Engine, message: CheckedMessage) -> None:
    """Have the vendor of a message asked that it has just taken.

    Never raises: what Temporal does not take now, the sweep starts after some minutes.
    """
    seconds, breaker = engine.settings.start_timeout_seconds, engine.temporal_breaker
    try:
        async with asyncio.timeout(seconds), engine.connection() as connection:
            startable = await statements.startable_check(connection, message)
    except Exception as error:
        _not_started(error)
        return
    if startable is None or not breaker.lets_through():
        return
    try:
        async with asyncio.timeout(seconds):
            await _start(engine, startable)
    except Exception as error:
        breaker.failed()
        _not_started(error)
    else:
        breaker.succeeded()


async def take_up_checks(engine: Engine) -> int:
    """Start checks that were due minutes ago and that nobody makes, for the sweep.

    Harmless beside one who only waits for a worker: that execution is joined.

    Returns:
        How many were started.
    """
    async with engine.connection() as connection:
        overdue = await statements.take_overdue(
            connection, now=engine.clock(), grace=_GRACE_SECONDS, limit=_OVERDUE_AT_ONCE
        )

    async def begin(check: StartableCheck) -> None:
        async with asyncio.timeout(_START_SECONDS):
            await _start(engine, check)

    failures = await each_that_can(overdue, begin)
    if failures:
        _not_started(*failures)
    return len(overdue) - len(failures)


def _not_started(*failures: Exception) -> None:
    _log.warning("checks_not_started", count=len(failures), errors=kinds_of(failures))


async def check_status(engine: Engine, order: StatusCheckInput) -> str:
    """Ask once, if the message is due and nothing has decided yet.

    Returns:
        What the message has come to, or `settled` when nobody has to ask any more.

    Raises:
        TryAgain: says in how many seconds to look again.
        Unavailable: the database is away, or lacks the answer.
    """
    message = CheckedMessage(UUID(order.message_id), UUID(order.environment_id), order.retry)
    now = engine.clock()
    async with engine.connection() as connection:
        begun = await statements.begin_check(connection, message, now=now, lease=_LEASE_SECONDS)
        if begun is None:
            return await _settled(connection, message, now)
    wish: float | None = None
    try:
        finding = await _ask(engine, begun)
    except _NotAsked:
        async with engine.connection() as connection:
            await statements.forget_checks(connection, message)
        return _SETTLED
    except Held as held:
        async with engine.connection() as connection:
            await statements.give_back_check(
                connection, message, now=engine.clock(), after=held.after
            )
        raise TryAgain(held.after, held.reason) from None
    except DeliveryFailure as failure:
        # Also where the vendor says that there is no such message: some know it minutes later.
        finding = Finding(None, exchange=failure.exchange)
        wish = failure.after if isinstance(failure, Retry) else None
    return await _record(engine, message, begun, finding, wish)


async def _settled(connection: Connection, message: CheckedMessage, now: datetime) -> str:
    """Tell that nobody asks for a message any more.

    Raises:
        TryAgain: it is not due yet, or asked for at this moment.
    """
    found = await statements.check_standing(connection, message)
    if found is None:
        return _SETTLED
    if found.is_open and found.due_at > now:
        raise TryAgain((found.due_at - now).total_seconds(), "it is not due yet")
    # Decided otherwise, or the process of the last check never came back.
    await statements.forget_checks(connection, message)
    return _SETTLED


async def _ask(engine: Engine, begun: BegunCheck) -> Finding:
    """Ask the vendor.

    Raises:
        _NotAsked: the channel is gone, or asks no more.
        Held: it cannot be asked now, for a reason that is not the message's.
        DeliveryFailure: it gave no answer.
    """
    if begun.is_held:
        raise Held(HELD_BY_OPERATOR, after=held_wait(begun.age))
    provider = _provider(engine, begun)
    if begun.external_id is None or begun.provider_settings is None:
        raise _NotAsked
    filled, content = await _opened(engine, begun, begun.provider_settings)
    delivery = Delivery(
        message_id=str(begun.id),
        channel_type=ChannelType(begun.channel_type),
        content=content,
        settings=filled.settings,
        recipient_id=begun.recipient_id,
    )
    if not is_asked(provider, delivery):
        raise _NotAsked
    # Apart from what is sent there: a vendor that is slow to tell must not keep anything back.
    server = f"{server_of(provider, delivery)} about messages that it has"
    channel = f"{begun.channel_id} about messages that it has sent"
    async with engine.delivery_limits.admitted(server, channel, age=begun.age) as call:
        try:
            async with calling(provider, call, seconds=_LONGEST_CALL_SECONDS):
                finding = await provider.check_status(delivery, begun.external_id)
        except DeliveryFailure as failure:
            failure.exchange = hidden(failure.exchange, filled.secrets)
            raise
    return replace(finding, exchange=hidden(finding.exchange, filled.secrets))


def _provider(engine: Engine, begun: BegunCheck) -> Provider:
    """Return the provider of a message. Raises _NotAsked where there is none any more."""
    if begun.provider is None:
        raise _NotAsked
    try:
        return engine.providers.provider(begun.provider)
    except InvalidParams:  # an outside provider that is no longer installed
        raise _NotAsked from None


async def _opened(
    engine: Engine, begun: BegunCheck, provider_settings: bytes
) -> tuple[Filled, JsonObject]:
    """Return settings and content in the clear.

    Raises:
        Held: a key is missing here.
        Misconfigured: what was sealed has to be set again, or a setting is broken.
    """
    owner = (begun.channel_id, begun.environment_id)
    try:
        settings = open_provider_settings(engine.vault, provider_settings, *owner)
        content = open_content(engine.vault, begun.content, str(begun.id), begun.environment_id)
        return await fill_in(engine, begun.environment_id, settings), content
    except UnknownKey as error:
        raise Held(error.message, after=_SEALED_SECONDS) from None
    except (BrokenSeal, LiquidError):
        raise Misconfigured("The channel's settings cannot be used.") from None


async def _record(
    engine: Engine,
    message: CheckedMessage,
    begun: BegunCheck,
    finding: Finding,
    wish: float | None,
) -> str:
    """Store what came of a check, and say when the next one is due.

    Raises:
        TryAgain: it is not known yet, and there are checks left.
        Unavailable: it could not be written for minutes.
    """
    after: float | None = None
    if finding.status is None and begun.checks < MOST_CHECKS:
        wait = max(WAITS[begun.checks], min(wish or 0.0, _LONGEST_WISH_SECONDS))
        after = wait * engine.settings.delivery_retry_factor
    record = CheckRecord(
        message=message,
        finding=finding,
        after=after,
        event_id=new_id(),
        log_id=new_id(),
        now=engine.clock(),
    )
    has_changed = await until_stored(
        engine,
        record,
        statements.record_check,
        without_words=_without_words,
        waits=each_second(_PATIENCE_SECONDS),
        message_id=str(message.message_id),
    )
    if has_changed:
        hurry(engine)
    if after is not None:
        raise TryAgain(after, "it is not known yet")
    if finding.status is None:
        # Nobody knows more than that its vendor has taken it.
        return DeliveryStatus.SENT
    return finding.status if has_changed else _SETTLED


def _without_words(record: CheckRecord) -> CheckRecord | None:
    """Leave out what the vendor has said, and keep what it means."""
    finding = record.finding
    if finding.exchange is None and finding.details is None:
        return None
    return replace(record, finding=Finding(finding.status))


async def _start(engine: Engine, check: StartableCheck) -> None:
    """Start the Temporal workflow of a message's checks, from when the next one is due."""
    channel_type = ChannelType(check.channel_type)
    order = StatusCheckInput(
        str(check.message_id),
        str(check.environment_id),
        check.retry,
        queue=delivery_queue(channel_type),
        label=f"status by {channel_type.value}",
    )
    await start_status_check(
        engine.temporal,
        order,
        environment=check.environment,
        workflow_key=check.workflow_key,
        wait=check.due_at - engine.clock(),
    )
