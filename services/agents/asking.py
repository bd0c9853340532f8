"""Ask a language model, and check what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from domain.deliveries.delivery import DeliveryFailure, Exchange, Retry
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.storable import storable_json
from domain.runs.fetches import FetchResult
from models.queries.agents import model_providers as queries
from outbound.http import Answer, BodyEnd, call, failure_of
from providers.agents.anthropic import Anthropic
from providers.agents.base import Adapter, Question, Reply
from providers.agents.openai import OpenAi
from runtime.vault import BrokenSeal
from services.agents.model_providers import open_key
from services.engine import Engine
from services.json_schemas import compile_schema
from templating.liquid.renderer import parse_json

ANSWER_SECONDS = 180.0
MOST_ANSWER_BYTES = 1024 * 1024
# How often a model that paused in the middle of its searches is asked to go on.
_MOST_TURNS = 5
_ADAPTERS: Mapping[str, Adapter] = {"anthropic": Anthropic(), "openai": OpenAi()}


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of one attempt; `answer` joins the run's data."""

    result: FetchResult
    error: str | None = None
    exchange: Exchange | None = None
    answer: JsonValue = None


async def ask(engine: Engine, environment_id: UUID, asked: JsonObject) -> Asked:
    """Ask a model once.

    Args:
        engine: the parts of this process.
        environment_id: whose settings count, as they are now.
        asked: `model` with its provider before a colon, `prompt`, `schema` and `web_search`.

    Raises:
        UnknownKey: this process lacks the key that the settings are sealed with.
        Unavailable: the database is away; nothing was asked.
    """
    name, _, model = str(asked["model"]).partition(":")
    async with engine.connection() as connection:
        provider = await queries.get_provider(connection, environment_id, name)
    if provider is None or provider.adapter not in _ADAPTERS:
        error = f"The model provider {name!r} is not configured in this environment."
        return Asked(FetchResult.FAILED, error)
    adapter = _ADAPTERS[provider.adapter]
    if asked["web_search"] and not adapter.can_search:
        return Asked(FetchResult.FAILED, f"Models of {name!r} cannot search the web.")
    try:
        key = open_key(engine.vault, provider)
    except BrokenSeal:
        error = f"The key of the model provider {name!r} must be set again."
        return Asked(FetchResult.FAILED, error)
    question = Question(model, asked["prompt"], asked["schema"], asked["web_search"])
    base_url = provider.base_url or adapter.base_url
    try:
        return await _converse(engine, adapter, base_url, key, question)
    except DeliveryFailure as failure:
        is_again = isinstance(failure, Retry)
        result = FetchResult.AGAIN if is_again else FetchResult.FAILED
        return Asked(result, failure.reason, failure.exchange)


async def _converse(
    engine: Engine, adapter: Adapter, base_url: str, key: str, question: Question
) -> Asked:
    """Ask, and ask to go on as long as the model pauses. Raises DeliveryFailure."""
    for _turn in range(_MOST_TURNS):
        answer = await call(
            engine.providers.context().http,
            adapter.build_request(base_url, key, question),
            service_name="The model",
            timeout=ANSWER_SECONDS,
            secrets=[key],
            most_bytes=MOST_ANSWER_BYTES,
        )
        if not answer.is_success:
            raise failure_of(answer, now=engine.clock())
        if answer.body_end is not BodyEnd.WHOLE:
            raise Retry("The answer broke off, or is longer than 1 MB.", answer.exchange)
        reply = adapter.read(answer.json(), question)
        if reply.said is None:
            return await _judged(answer, reply, question)
        question = replace(question, turns=[*question.turns, reply.said])
    raise Retry("The model did not finish its answer.", answer.exchange)


async def _judged(answer: Answer, reply: Reply, question: Question) -> Asked:
    """Say how an answer is, and what of it joins the data."""
    if reply.is_refusal:
        return Asked(FetchResult.FAILED, "The model refused to answer.", answer.exchange)
    problem, value = reply.problem, reply.value
    if problem is None and question.schema is None:
        value = {"text": reply.text}
    elif problem is None:
        if value is None:
            try:
                value = parse_json(reply.text or "")
            except ValueError:
                problem = "The answer is not JSON."
        problem = problem or await _violation(value, question.schema or {}, len(answer.body))
    if problem is not None:
        return Asked(FetchResult.AGAIN, problem, answer.exchange)
    stored = storable_json(value, characters=MOST_ANSWER_BYTES * 8)
    return Asked(FetchResult.DONE, None, answer.exchange, stored)


async def _violation(value: JsonValue, schema: JsonObject, size: int) -> str | None:
    """Say how an answer breaks its schema, or None."""
    try:
        found = await compile_schema(schema).violations(value, size)
    except ValueError as error:
        return f"The schema of the answer cannot be used: {error}"
    if not found:
        return None
    place = found[0].field.removeprefix("data").lstrip(".") or "it"
    return f"The answer does not match its schema: {place}: {found[0].message}"
