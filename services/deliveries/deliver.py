"""Hand messages to providers, and record every attempt and what came of it.

A message is claimed in PostgreSQL before its provider is called, and the outcome is stored under
that claim right after the answer: a second worker that was given the same message, by whatever
mishap, finds the claim and waits. At least once all the same: a process that dies between the
provider's answer and the record lets the message be sent again once its lease has ended, with the
same message id, which providers are given as idempotency key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import psycopg

from domain.channels.kinds import READ_HERE
from domain.channels.types import ChannelType
from domain.contract.deliveries import DeliverMessageInput
from domain.deliveries.claims import HELD_BY_OPERATOR, Claim, ClaimedMessage, held_wait
from domain.deliveries.delivery import (
    Bounced,
    Delivery,
    DeliveryFailure,
    Misconfigured,
    Outcome,
    Refused,
)
from domain.kit.attempts import MOST_INTERRUPTIONS
from domain.kit.errors import AppError, InvalidParams
from domain.kit.json_types import JsonObject
from domain.messages.attachments import Attachment
from domain.messages.statuses import DeliveryStatus
from models.queries.deliveries import deliveries as statements
from models.queries.messages.attachments import contents_of
from outbound.redaction import Redactor
from providers.base import is_asked, server_of, takes_callback_url
from runtime.database import Connection
from runtime.logs import get_logger
from runtime.vault import BrokenSeal, UnknownKey
from services.attempts import Held, TryAgain
from services.channels.sealing import OF_RUN, open_for_delivery
from services.channels.variables import Filled, fill_in
from services.deliveries.calling import calling
from services.deliveries.checks import begin_checks
from services.deliveries.connections import keep_connection
from services.deliveries.devices import deregister
from services.deliveries.hidden import hidden
from services.deliveries.outcomes import (
    record_failure,
    record_interruptions,
    record_outcome,
)
from services.deliveries.reports import callback_url
from services.engine import Engine
from services.news import news_of, tell_soon
from templating.limits import LiquidError

_log = get_logger(__name__)

# A lease outlives a stalled process and a short absence of the database by far; it is renewed
# while the provider talks, so that a dead worker's message is free again within a minute.
LEASE_SECONDS = 60.0
_RENEW_SECONDS = 15.0
_RENEW_AGAIN_SECONDS = 1.0
# Longest pause of one who finds a claim of somebody else: the other may be done any moment.
_LOOK_AGAIN_SECONDS = 10.0
# No provider needs longer; an SMTP server may take half a minute for each of its replies.
_LONGEST_CALL_SECONDS = 240.0
_INTERRUPTED = (
    f"{MOST_INTERRUPTIONS} attempts were interrupted: each time, the sending process "
    "ended before the provider's answer was stored. The provider may have received the message."
)
# Attachments of so many bytes in all count as large: a process sends few of those at once.
_LARGE_BYTES = 1_000_000
_SEALED_SECONDS = (10.0, 600.0)


async def deliver_message(engine: Engine, order: DeliverMessageInput) -> str:
    """Make one attempt to deliver a message, if it is due and nobody else is at it.

    Args:
        engine: the parts of this process.
        order: which message, and of which manual retry.

    Returns:
        The delivery status when this order has nothing left to do; `deleted` for a message that
        is gone.

    Raises:
        TryAgain: it is not final; says in how many seconds to look again.
        Unavailable: the database is away; nothing was sent.
    """
    claim = Claim(UUID(order.message_id), UUID(order.environment_id), order.retry, owner=uuid4())
    async with engine.connection() as connection:
        message = await statements.claim_delivery(connection, claim, lease=LEASE_SECONDS)
        if message is None:
            return await _settled(engine, connection, claim)
    attempt = message.attempts + 1
    # Kept until the outcome is stored, so that a database which comes back finds it claimed.
    async with _kept(engine, claim), _given_back(engine, claim) as reached:
        if message.interruptions >= MOST_INTERRUPTIONS:
            return await record_interruptions(engine, claim, attempt, _INTERRUPTED)
        try:
            outcome = await _send(engine, message, reached)
        except DeliveryFailure as failure:
            if isinstance(failure, Bounced) and failure.token is not None:
                await deregister(engine, message, failure.token)
            return await record_failure(engine, claim, attempt, failure)
        return await _taken(engine, message, claim, attempt, outcome)


@dataclass(slots=True)
class _Reached:
    """How far an attempt has come: whether the provider was called, and may have the message."""

    provider: bool = False


async def _taken(
    engine: Engine, message: ClaimedMessage, claim: Claim, attempt: int, outcome: Outcome
) -> str:
    """Store that the provider took the message, and then do what follows from that.

    The record comes first: without it the message would be sent again.
    """
    status = await record_outcome(engine, claim, attempt, outcome)
    if outcome.is_asked_for and status == DeliveryStatus.SENT:
        await begin_checks(engine, claim.message)
    if outcome.found is not None:
        await keep_connection(engine, claim, outcome.found)
    if status == DeliveryStatus.DELIVERED:
        tell_soon(engine, news_of([message]))
    return status


async def _settled(engine: Engine, connection: Connection, claim: Claim) -> str:
    """Return what became of a message that cannot be claimed.

    Whoever has delivered it may have died before it told of that; to hear it twice is harmless.

    Raises:
        TryAgain: it is not due yet, or claimed by somebody else.
    """
    found = await statements.standing(connection, claim.environment_id, claim.message_id)
    if found is None:
        await statements.forget_delivery(connection, claim.environment_id, claim.message_id)
        return "deleted"
    if not found.is_open_for(claim):
        if found.delivery_status == DeliveryStatus.DELIVERED:
            tell_soon(engine, news_of([found]))
        return found.delivery_status
    if found.leased_for is not None and found.leased_for > 0:
        raise TryAgain(
            min(found.leased_for, _LOOK_AGAIN_SECONDS), "another worker is delivering it"
        )
    raise TryAgain(max(found.due_in or 0.0, 0.05), "it is not due yet")


async def _send(engine: Engine, message: ClaimedMessage, reached: _Reached) -> Outcome:
    """Call the provider, when it may be called now; what needs none is shown from here on.

    Args:
        engine: the parts of this process.
        message: which.
        reached: told when the provider is called.

    Raises:
        Held: the message was not handed over, for a reason that is not its own.
        DeliveryFailure: the provider did not take it.
    """
    if message.channel_type in READ_HERE:
        return Outcome(DeliveryStatus.DELIVERED, exchange=None)
    if message.is_held:
        raise Held(HELD_BY_OPERATOR, after=held_wait(message.age))
    if message.provider is None or message.provider_settings is None:
        raise Misconfigured("the channel is no longer configured in this environment")
    try:
        provider = engine.providers.provider(message.provider)
    except InvalidParams as error:  # an outside provider that is no longer installed
        raise Misconfigured(error.message) from error
    settings, content = await _opened(engine, message, message.provider_settings)
    delivery = Delivery(
        message_id=str(message.id),
        channel_type=ChannelType(message.channel_type),
        content=content,
        settings=settings.settings,
        recipient_id=message.recipient_id,
        channel_data=message.channel_data,
        attempt=message.attempts + 1,
        workflow_key=message.workflow_key,
        data=message.data,
        callback_url=callback_url(engine, message.environment_id, message.channel_id)
        if takes_callback_url(provider)
        else None,
    )
    server = server_of(provider, delivery)
    asks = is_asked(provider, delivery)
    files: list[JsonObject] = content.get("attachments") or []
    is_large = sum(file["size"] for file in files) > _LARGE_BYTES
    async with engine.delivery_limits.admitted(
        server, str(message.channel_id), age=message.age, is_large=is_large
    ) as call:
        delivery = replace(delivery, attachments=await _attachments(engine, message, files))
        try:
            async with calling(provider, call, seconds=_LONGEST_CALL_SECONDS):
                reached.provider = True
                outcome = await provider.send(delivery)
        except DeliveryFailure as failure:
            failure.reason = Redactor(settings.secrets).text(failure.reason)
            failure.exchange = hidden(failure.exchange, settings.secrets)
            raise
        return replace(
            outcome,
            exchange=hidden(outcome.exchange, settings.secrets),
            is_asked_for=asks and outcome.status is DeliveryStatus.SENT,
        )


async def _attachments(
    engine: Engine, message: ClaimedMessage, files: Sequence[JsonObject]
) -> tuple[Attachment, ...]:
    """Read the files of a message. Raises Refused when one is not kept any more."""
    contents: dict[str, bytes] = {}
    if files and message.workflow_run_id is not None:
        digests = {file["digest"] for file in files}
        async with engine.connection() as connection:
            contents = await contents_of(
                connection, message.environment_id, message.workflow_run_id, digests
            )
    missing = [file["name"] for file in files if file["digest"] not in contents]
    if missing:
        raise Refused(f"The attachment {missing[0]!r} is no longer stored.")
    return tuple(Attachment.of(file, contents[file["digest"]]) for file in files)


async def _opened(
    engine: Engine, message: ClaimedMessage, provider_settings: bytes
) -> tuple[Filled, JsonObject]:
    """Open the credentials of a channel, variables filled in, and the secrets of a request.

    Raises:
        Held: this process lacks the key. It is ours to mend, so the message waits for it.
        Misconfigured: no key will ever open them, or they are wrong.
    """
    try:
        settings, content = open_for_delivery(engine.vault, message, provider_settings)
        of_run = content.pop(OF_RUN, None)
        return await fill_in(engine, message.environment_id, settings, of_run=of_run), content
    except UnknownKey as error:
        least, most = _SEALED_SECONDS
        wait = min(max(message.age / 2, least), most)
        raise Held(error.message, after=wait) from None
    except BrokenSeal:
        raise Misconfigured(
            "the channel's credentials cannot be decrypted and must be set again"
        ) from None
    except LiquidError as error:
        raise Misconfigured(f"The channel's settings are wrong: {error}.") from None


@asynccontextmanager
async def _kept(engine: Engine, claim: Claim) -> AsyncIterator[None]:
    """Renew a claim until the block ends."""

    async def renew() -> None:
        wait = _RENEW_SECONDS
        while True:
            await asyncio.sleep(wait)
            try:
                async with engine.connection() as connection:
                    if not await statements.renew_lease(connection, claim, lease=LEASE_SECONDS):
                        return  # deleted, or lost to another worker: the outcome will find out
            except (AppError, psycopg.Error):
                wait = _RENEW_AGAIN_SECONDS
            else:
                wait = _RENEW_SECONDS

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()


@asynccontextmanager
async def _given_back(engine: Engine, claim: Claim) -> AsyncIterator[_Reached]:
    """Give a claim back when the block ends without an outcome, unless that may send twice.

    Before the provider was called nothing is lost: whoever comes next need not wait for the lease,
    and nothing was interrupted. After that the lease stands, but where this process stops: another
    one may go on at once then.

    Yields:
        What is to be told when the provider is called.

    Raises:
        TryAgain: the block raised Held.
    """
    reached = _Reached()
    try:
        yield reached
    except Held as held:
        await _give_back(engine, claim, after=held.after, reason=held.reason)
        raise TryAgain(held.after, held.reason) from None
    except TryAgain:  # it has an outcome
        raise
    except BaseException as error:
        if not reached.provider or isinstance(error, asyncio.CancelledError):
            with contextlib.suppress(AppError, psycopg.Error):
                await asyncio.shield(_give_back(engine, claim, interrupted=reached.provider))
        raise


async def _give_back(
    engine: Engine,
    claim: Claim,
    *,
    after: float = 0.0,
    reason: str | None = None,
    interrupted: bool = False,
) -> None:
    async with engine.connection() as connection:
        await statements.give_back(
            connection, claim, after=after, reason=reason, interrupted=interrupted
        )
