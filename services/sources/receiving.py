"""Takes events of sources: verified, stored and answered; what follows is done later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from domain.kit.errors import InvalidParams, NotFound, Unauthenticated, Unavailable
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.sources.actions import in_order
from domain.sources.paths import found_at, instant_at
from domain.sources.rows import (
    MAX_EVENT_NAME,
    MAX_IDEMPOTENCY_KEY,
    REHEARSED,
    SourceEnvironment,
    SourceEvent,
)
from domain.sources.verification import is_genuine
from models.queries.sources import events as statements
from models.queries.sources import sources
from runtime.logs import get_logger
from runtime.vault import CannotOpen
from services import effect_kinds, effects
from services.account.environments import refuse_in_production
from services.engine import Engine, Unit
from services.sources.sources import secret_place

_log = get_logger(__name__)

# Where the name of an event stands unless a source says it otherwise.
_NAMES = ("body.event", "body.type")
# Headers of a request are stored with the event, but for the values of these.
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_MOST_HEADERS, _MOST_OF_A_HEADER = 64, 1_000


@dataclass(frozen=True, slots=True)
class Received:
    """An event that was taken; `is_new` is False when one with its key was taken before."""

    event_id: UUID
    is_new: bool


async def receive(
    engine: Engine, endpoint_id: str, *, raw: bytes, body: JsonObject, headers: Mapping[str, str]
) -> Received:
    """Take an event that was sent to the address of a source.

    It is stored, with what is owed for it, before it is answered: it is not lost, and its actions
    are taken also when this process dies.

    Args:
        engine: the parts of this process.
        endpoint_id: the part of the address that names source and environment.
        raw: the body as it came, which the signature is made of.
        body: the same, decoded.
        headers: by name in small letters.

    Raises:
        NotFound: there is no such address.
        Unauthenticated: the source has to sign, and did not.
        InvalidParams: the event has no usable name.
    """
    async with engine.connection() as connection:
        source = await sources.find_endpoint(connection, endpoint_id)
    if source is None:
        raise NotFound("There is no source at this address.")
    status = _verified(engine, source, raw, headers)
    if status != "verified" and source.settings.get("enforce_verification"):
        raise Unauthenticated(
            "The signature of the event is missing or wrong.", code="signature_invalid"
        )
    signature = (source.verification or {}).get("header")
    kept = _kept(headers, signature)
    async with engine.unit() as unit:
        event = _event(unit, source, {"body": body, "headers": kept}, status)
        return await store(unit, source, event)


def _verified(
    engine: Engine, source: SourceEnvironment, raw: bytes, headers: Mapping[str, str]
) -> str:
    """Say `verified`, `failed`, or `skipped` where nothing is signed. Raises Unavailable."""
    if source.verification is None or source.sealed_secret is None:
        return "skipped"
    place = secret_place(source)
    try:
        secret = engine.vault.open(source.sealed_secret, place)["secret"]
    except CannotOpen as error:
        # The source tries again; nothing is taken unverified because a key is missing.
        _log.error("source_secret_unreadable", place=place, detail=str(error))
        raise Unavailable("The secret of the source cannot be decrypted; try again.") from error
    now = engine.clock().timestamp()
    genuine = is_genuine(source.verification, secret, body=raw, headers=headers, now=now)
    return "verified" if genuine else "failed"


def _kept(headers: Mapping[str, str], signature: str | None) -> JsonObject:
    shown = [name for name in headers if name not in _SECRET_HEADERS and name != signature]
    return {name: headers[name][:_MOST_OF_A_HEADER] for name in shown[:_MOST_HEADERS]}


def _event(unit: Unit, source: SourceEnvironment, content: JsonObject, status: str) -> SourceEvent:
    """Read what an event says of itself. Raises InvalidParams."""
    settings = source.settings
    name = event_name(settings, content)
    return SourceEvent(
        id=new_id(),
        environment_id=source.environment_id,
        source_key=source.source_key,
        event=name,
        body=content["body"],
        headers=content["headers"],
        verification_status=status,
        idempotency_key=_idempotency_key(settings, content),
        happened_at=instant_at(content, settings.get("timestamp_path"), unit.now),
        inserted_at=unit.now,
    )


def _idempotency_key(settings: JsonObject, content: JsonObject) -> str | None:
    """Return the key of an event; one that is none, or too long, is dropped and the event taken.

    Source: Knock docs, "Sources" ("Key validation").
    """
    path = settings.get("idempotency_key_path")
    found = found_at(content, path) if path else None
    if isinstance(found, bool) or not isinstance(found, str | int | float):
        return None
    key = str(found)
    return key if 0 < len(key) <= MAX_IDEMPOTENCY_KEY else None


def event_name(settings: JsonObject, content: JsonObject) -> str:
    """Return the name of an event, where the settings of its source say. Raises InvalidParams."""
    paths = [settings["event_type_path"]] if settings.get("event_type_path") else _NAMES
    name = next((found for path in paths if (found := found_at(content, path)) is not None), None)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_EVENT_NAME:
        place = " or ".join(paths)
        raise InvalidParams.of(
            place, f"must name the event with a string of 1 to {MAX_EVENT_NAME} characters"
        )
    return name


async def store(unit: Unit, source: SourceEnvironment, event: SourceEvent) -> Received:
    """Store an event, and owe what follows from it, if anything does."""
    known = await statements.add_event(unit.connection, event)
    if known is not None:
        return Received(known, is_new=False)
    if in_order(source.mappings, event.event) or await statements.is_waited_for(
        unit.connection, event.environment_id, event.source_key, event.event
    ):
        payload = effect_kinds.source_event(event.id)
        await effects.owe(unit, event.environment_id, effect_kinds.TAKE_SOURCE_EVENT, payload)
    else:
        await statements.note_processed(
            unit.connection, event.environment_id, event.id, now=unit.now
        )
    return Received(event.id, is_new=True)


def _as_sent(payload: JsonObject) -> JsonObject:
    """Return a payload as the event that paths lead through."""
    body, headers = payload.get("body"), payload.get("headers", {})
    if payload.keys() <= {"body", "headers"} and isinstance(body, dict):
        named = headers if isinstance(headers, dict) else {}
        texts = {name.lower(): text for name, text in named.items() if isinstance(text, str)}
        return {"body": body, "headers": _kept(texts, None)}
    return {"body": payload, "headers": {}}


async def rehearse(
    engine: Engine, environment: EnvironmentScope, key: str, payload: JsonObject
) -> SourceEvent:
    """Store an event as if a source had sent it; the caller takes its actions.

    The payload is a body, or the `body` and `headers` that the paths of a source lead through, as
    in the example of Knock's Management API.

    Raises:
        NotFound: there is no such source.
        InvalidParams: the event has no usable name, or the environment is production (Management
            API reference, "Rehearse a source event").
    """
    async with engine.unit() as unit:
        message = "must not be production, because the actions are really taken"
        await refuse_in_production(unit.connection, environment, message)
        source = await sources.find_environment(unit.connection, environment.id, key)
        if source is None:
            raise NotFound("The source does not exist.")
        event = _event(unit, source, _as_sent(payload), REHEARSED)
        # The same event may be tried out again.
        event = replace(event, idempotency_key=None)
        await statements.add_event(unit.connection, event)
    return event
