"""Send the requests of fetch and AI agent steps, and record what came of each attempt.

At least once: a process that dies between the answer and the record has the request sent again,
with the same `idempotency-key`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

from domain.contract.runs import HttpFetchInput
from domain.deliveries.delivery import DeliveryFailure, Retry
from domain.kit.attempts import MOST_INTERRUPTIONS
from domain.kit.ids import derived_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.storable import storable_json
from domain.runs.fetches import FetchAttempt, FetchOutcome, FetchResult
from domain.workflows.steps.http_fetch import FETCH_SECONDS, SUCCESSES
from models.queries.runs import fetches as statements
from outbound.http import Answer, BodyEnd, call
from outbound.requests import SIGNATURE_HEADER, sign, write_request
from runtime.vault import BrokenSeal, Vault
from services.agents.asking import ask
from services.engine import Engine
from services.until_stored import each_second, until_stored
from templating.liquid.renderer import parse_json

MOST_ANSWER_BYTES = 1024 * 1024
# How long an answer is kept for a database that does not take it.
_PATIENCE_SECONDS = 300.0


def seal_fetch(vault: Vault, request: JsonObject, run_id: UUID, step_ref: str) -> bytes:
    """Encrypt a rendered request: any part of it may hold a credential."""
    return vault.seal(request, _place(run_id, step_ref))


async def make_attempt(engine: Engine, order: HttpFetchInput) -> str:
    """Send the request of a step once, unless that was done or its run has ended.

    Returns:
        How it went, in a word.

    Raises:
        Unavailable: the database is away, or lacks the answer.
    """
    attempt = FetchAttempt(
        UUID(order.run_id), UUID(order.environment_id), order.step_ref, order.attempt
    )
    async with engine.connection() as connection:
        begun = await statements.begin_attempt(connection, attempt)
    if begun is None:
        return "settled"
    if begun.interruptions >= MOST_INTERRUPTIONS:
        error = "Each time it was sent, the sending process ended before it had an answer."
        outcome = FetchOutcome(result=FetchResult.FAILED, error=error, at=engine.clock())
    else:
        outcome = await _send(engine, attempt, begun.request)
    await _record(engine, attempt, outcome)
    return outcome.result.value


async def _send(engine: Engine, attempt: FetchAttempt, sealed: bytes) -> FetchOutcome:
    try:
        stored = engine.vault.open(sealed, _place(attempt.run_id, attempt.step_ref))
    except BrokenSeal:
        return FetchOutcome(
            result=FetchResult.FAILED,
            error="The stored request cannot be decrypted.",
            at=engine.clock(),
        )
    loop = asyncio.get_running_loop()
    begun = loop.time()
    if "question" in stored:
        asked = await ask(engine, attempt.environment_id, stored["question"])
        return FetchOutcome(
            result=asked.result,
            error=asked.error,
            exchange=asked.exchange,
            milliseconds=round((loop.time() - begun) * 1000),
            at=engine.clock(),
            answer=asked.answer,
        )
    exchange, answer, error = None, None, None
    try:
        key = derived_id(attempt.run_id, "fetch", attempt.step_ref)
        request = write_request(stored["content"], {"idempotency-key": str(key)})
        signing_key = stored["signing_key"]
        if signing_key:
            request.headers[SIGNATURE_HEADER] = sign(signing_key, request.content, engine.clock())
        answered = await call(
            engine.providers.context().http,
            request,
            service_name="The server",
            timeout=FETCH_SECONDS,
            secrets=[*filter(None, [signing_key]), *stored.get("secrets", ())],
            most_bytes=MOST_ANSWER_BYTES,
        )
        exchange = answered.exchange
        result, error, answer = judge(answered, any_json=stored["any_json"])
    except DeliveryFailure as failure:
        result = FetchResult.AGAIN if isinstance(failure, Retry) else FetchResult.FAILED
        error, exchange = failure.reason, failure.exchange
    return FetchOutcome(
        result=result,
        error=error,
        exchange=exchange,
        milliseconds=round((loop.time() - begun) * 1000),
        at=engine.clock(),
        answer=answer,
    )


def judge(answer: Answer, *, any_json: bool) -> tuple[FetchResult, str | None, JsonValue]:
    """Say how an attempt went, what is wrong with the answer, and what it brings.

    Args:
        answer: what came back.
        any_json: whether it may be JSON of any kind; else it is an object.
    """
    code, error, value = answer.status_code, None, None
    is_again = code >= 500
    if code not in SUCCESSES:
        error = f"The server answered {code}."
    elif answer.body_end is BodyEnd.BROKEN_OFF:
        error, is_again = "The answer broke off, or took too long.", True
    elif answer.body_end is BodyEnd.TOO_LONG:
        error = "The answer is longer than 1 MB."
    else:
        try:
            text = answer.body.decode("utf-8-sig")
            value = parse_json(text) if text.strip() else None
        except ValueError:
            error = "The answer is not JSON."
        if not any_json and not isinstance(value, dict | None):
            error = "The answer is not a JSON object."
    if error is not None:
        return FetchResult.AGAIN if is_again else FetchResult.FAILED, error, None
    return FetchResult.DONE, None, storable_json(value, characters=MOST_ANSWER_BYTES * 8)


async def _record(engine: Engine, attempt: FetchAttempt, outcome: FetchOutcome) -> None:
    """Store what came of an attempt. The server has answered, so this waits for the database.

    Raises:
        Unavailable: it could not be written for minutes.
    """
    await until_stored(
        engine,
        outcome,
        lambda connection, came: statements.record_attempt(connection, attempt, came),
        without_words=_without_words,
        waits=each_second(_PATIENCE_SECONDS),
        run_id=str(attempt.run_id),
    )


def _without_words(outcome: FetchOutcome) -> FetchOutcome | None:
    if outcome.exchange is None:
        return None
    return replace(
        outcome,
        result=FetchResult.FAILED,
        error="The answer cannot be stored.",
        exchange=None,
        answer=None,
    )


def _place(run_id: UUID, step_ref: str) -> str:
    return f"fetch/{run_id}/{step_ref}"
