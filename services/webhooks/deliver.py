"""Sends an event to an endpoint, and records every attempt and what came of it.

At least once: a process that dies between the answer and the record lets the event be sent again,
with the same `idempotency-key`. The body is the same bytes at every attempt; the time in the
signature is that of the attempt.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import UUID

import httpx

from domain.contract.deliveries import WebhookDeliveryInput
from domain.deliveries.delivery import DeliveryFailure, Exchange
from domain.kit.attempts import MOST_INTERRUPTIONS
from domain.webhooks.deliveries import (
    MAX_ATTEMPTS,
    AttemptOutcome,
    BegunDelivery,
    DeliveryState,
    wait_after,
)
from domain.webhooks.endpoints import Secrets
from models.queries.webhooks import deliveries as statements
from outbound.http import Answer, call, parse_retry_after
from outbound.requests import SIGNATURE_HEADER, sign
from runtime.database import Connection
from runtime.vault import BrokenSeal, UnknownKey
from services.attempts import Held, TryAgain
from services.engine import Engine
from services.until_stored import each_second, until_stored
from services.webhooks.endpoints import open_secrets

_ANSWER_SECONDS = 15.0
_SEALED_SECONDS = 60.0
# How long an outcome is kept for a database that does not take it.
_PATIENCE_SECONDS = 300.0


async def make_attempt(engine: Engine, order: WebhookDeliveryInput) -> str:
    """Send an event once, unless its delivery has ended.

    Returns:
        Where the delivery stands, when this order has nothing left to do.

    Raises:
        TryAgain: says in how many seconds to look again.
        Unavailable: the database is away, or lacks the outcome.
    """
    environment_id, delivery_id = UUID(order.environment_id), UUID(order.delivery_id)
    async with engine.connection() as connection:
        begun = await statements.begin_attempt(connection, environment_id, delivery_id)
    if begun is None:
        return "settled"
    if begun.is_enabled is False and begun.sealed is not None:
        # It waits with the others until the endpoint is enabled again.
        await _put_off(engine, begun, waits=True)
        return DeliveryState.WAITING
    outcome = await _outcome(engine, begun)
    return await _record(engine, begun, outcome)


async def _outcome(engine: Engine, begun: BegunDelivery) -> AttemptOutcome:
    """Make the attempt. Raises TryAgain when it could not be made now."""
    attempt = begun.attempts + 1
    if begun.sealed is None:
        return AttemptOutcome(attempt=attempt, error="The webhook was deleted.", ends=True)
    if begun.interruptions >= MOST_INTERRUPTIONS:
        error = "Each time it was sent, the sending process ended before it had an answer."
        return AttemptOutcome(attempt=attempt, error=error, ends=True)
    try:
        secrets = open_secrets(engine.vault, begun.sealed, begun.environment_id, begun.endpoint_id)
    except UnknownKey as error:
        await _put_off(engine, begun, after=_SEALED_SECONDS, reason=error.message)
        raise TryAgain(_SEALED_SECONDS, error.message) from None
    except BrokenSeal:
        error_text = "The webhook's URL and key cannot be decrypted and must be set again."
        return AttemptOutcome(attempt=attempt, error=error_text)
    # Limited together is what one server has to bear, whoever sends it.
    server = urlsplit(secrets.url).netloc.lower()
    limits = engine.delivery_limits
    try:
        async with limits.admitted(server, str(begun.endpoint_id), age=begun.age) as admitted:
            outcome = await _send(engine, begun, secrets, attempt)
            if outcome.status_code is not None:
                admitted.answered()
            elif outcome.exchange is not None:
                admitted.unanswered()
            return outcome
    except Held as held:
        await _put_off(engine, begun, after=held.after, reason=held.reason)
        raise TryAgain(held.after, held.reason) from None


async def _send(
    engine: Engine, begun: BegunDelivery, secrets: Secrets, attempt: int
) -> AttemptOutcome:
    """Send the request, and judge what comes back: anything but a 2xx is a failure."""
    now, body = engine.clock(), begun.body.encode()
    key = secrets.key_at(now, begun.next_key_at)
    headers = {
        "content-type": "application/json",
        "user-agent": "Carillon",
        "x-knock-event": begun.event_type,
        "x-knock-environment-id": str(begun.environment_id),
        "idempotency-key": str(begun.event_id),
        SIGNATURE_HEADER: sign(key, body, now),
    }
    loop = asyncio.get_running_loop()
    begun_at = loop.time()
    answer: Answer | None = None
    exchange: Exchange | None = None
    try:
        request = httpx.Request("POST", secrets.url, headers=headers, content=body)
        answer = await call(
            engine.providers.context().http,
            request,
            service_name="The endpoint",
            timeout=_ANSWER_SECONDS,
            secrets=[key],
        )
        error = None if answer.is_success else f"The endpoint answered {answer.status_code}."
        exchange = answer.exchange
    except DeliveryFailure as failure:
        error, exchange = failure.reason, failure.exchange
    except httpx.InvalidURL:
        error = "The URL is malformed."
    # The body is kept with the event, and need not be kept again with each attempt.
    logged = exchange and replace(exchange, request={**exchange.request, "body": None})
    after = parse_retry_after(answer.headers.get("retry-after"), now) if answer else None
    return AttemptOutcome(
        attempt=attempt,
        status_code=answer.status_code if answer else None,
        error=error,
        exchange=logged,
        milliseconds=round((loop.time() - begun_at) * 1000),
        wish=after,
    )


async def _record(engine: Engine, begun: BegunDelivery, outcome: AttemptOutcome) -> str:
    """Store what came of an attempt, and say when the next one is due.

    Raises:
        TryAgain: there are attempts left.
        Unavailable: it could not be written for minutes.
    """
    after = wait_after(outcome.attempt, outcome.wish) * engine.settings.delivery_retry_factor
    if outcome.error is None:
        state, after = DeliveryState.DELIVERED, 0.0
    elif outcome.ends or outcome.attempt >= MAX_ATTEMPTS:
        state, after = DeliveryState.FAILED, 0.0
    else:
        state = DeliveryState.SENDING

    async def store(connection: Connection, came: AttemptOutcome) -> None:
        await statements.record_attempt(
            connection,
            begun.environment_id,
            begun.id,
            came,
            state=state,
            after=after,
            now=engine.clock(),
        )

    await until_stored(
        engine,
        outcome,
        store,
        without_words=lambda came: replace(came, exchange=None) if came.exchange else None,
        waits=each_second(_PATIENCE_SECONDS),
        delivery_id=str(begun.id),
    )
    if state is DeliveryState.SENDING:
        raise TryAgain(after, "the endpoint did not accept it")
    return state


async def _put_off(
    engine: Engine,
    begun: BegunDelivery,
    *,
    after: float = 0.0,
    waits: bool = False,
    reason: str | None = None,
) -> None:
    async with engine.connection() as connection:
        await statements.put_off(
            connection, begun.environment_id, begun.id, after=after, waits=waits, reason=reason
        )
