"""Endpoints of an environment: make them, change them, replace their keys.

A reader of the outbox (`services/webhooks/fan_out.py`) hears in each environment of what its
enabled endpoints want to be told of together. So who changes an endpoint subscribes anew, in the
same transaction; where there is no endpoint, nobody subscribes, and nothing is paid.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from domain.events.outbox import Subscription
from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.ids import new_id
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.webhooks.endpoints import (
    MAX_ENDPOINTS,
    Secrets,
    WebhookChange,
    WebhookEndpoint,
    WebhookRequest,
    WithKey,
)
from domain.webhooks.events import heard_of
from models.queries.webhooks import endpoints as statements
from runtime.tokens import new_token
from runtime.vault import Vault
from services.channels.sealing import masked_url
from services.engine import Engine, Unit
from services.events.outbox import subscribe, unsubscribe

READER = "webhooks"
_KEY_PREFIX = "whsec_"


async def list_endpoints(
    engine: Engine, environment: EnvironmentScope, request: PageRequest
) -> Page[WebhookEndpoint]:
    """Return a page of endpoints, newest first."""
    async with engine.connection() as connection:
        return await statements.list_endpoints(connection, environment.id, request)


async def get_endpoint(
    engine: Engine, environment: EnvironmentScope, endpoint_id: UUID
) -> WebhookEndpoint:
    """Return an endpoint. Raises NotFound."""
    async with engine.connection() as connection:
        found = await statements.get_endpoint(connection, environment.id, endpoint_id)
    return _existing(found)


async def create_endpoint(
    engine: Engine, environment: EnvironmentScope, wanted: WebhookRequest
) -> WithKey[WebhookEndpoint]:
    """Make an endpoint, enabled; its signing key is shown this once.

    Raises:
        InvalidParams: its URL may not be called.
        Unprocessable: `too_many_webhooks`.
    """
    _judge_scheme(engine, wanted.url)
    secrets = Secrets(wanted.url, new_token(_KEY_PREFIX))
    async with engine.unit() as unit:
        if await statements.lock_endpoints(unit.connection, environment.id) >= MAX_ENDPOINTS:
            raise Unprocessable(
                f"An environment has at most {MAX_ENDPOINTS} webhooks.", code="too_many_webhooks"
            )
        endpoint = WebhookEndpoint(
            id=new_id(),
            environment_id=environment.id,
            shown_url=masked_url(wanted.url),
            description=wanted.description,
            event_types=wanted.event_types,
            is_enabled=True,
            next_key_at=None,
            inserted_at=unit.now,
            updated_at=unit.now,
        )
        sealed = _seal(engine.vault, endpoint, secrets)
        await statements.insert_endpoint(unit.connection, environment.id, endpoint, sealed)
        await listen(unit, environment.id)
    return WithKey(endpoint, secrets.signing_key)


async def change_endpoint(
    engine: Engine, environment: EnvironmentScope, endpoint_id: UUID, change: WebhookChange
) -> WebhookEndpoint:
    """Change what is given, and keep the rest.

    Raises:
        InvalidParams: its URL may not be called.
        NotFound: there is no such endpoint.
        UnknownKey, BrokenSeal: what is sealed of it cannot be opened.
    """
    given: dict[str, Any] = {name: getattr(change, name) for name in change.model_fields_set}
    if "url" in given:
        _judge_scheme(engine, given["url"])
    async with engine.unit() as unit:
        await statements.lock_endpoints(unit.connection, environment.id)
        endpoint, secrets = await _hold(unit, environment, endpoint_id)
        if "enabled" in given:
            given["is_enabled"] = given.pop("enabled")
        url = given.pop("url", None)
        if url is not None and url != endpoint.shown_url:
            secrets = replace(secrets, url=url)
            given["shown_url"] = masked_url(url)
        changed = replace(endpoint, **given, updated_at=unit.now)
        sealed = _seal(engine.vault, changed, secrets)
        await statements.update_endpoint(unit.connection, environment.id, changed, sealed)
        await listen(unit, environment.id)
    return changed


async def rotate_key(
    engine: Engine, environment: EnvironmentScope, endpoint_id: UUID, grace: timedelta
) -> WithKey[WebhookEndpoint]:
    """Make a new signing key, which signs from now on, or when the grace period is over.

    Raises:
        NotFound: there is no such endpoint.
        UnknownKey, BrokenSeal: what is sealed of it cannot be opened.
    """
    key = new_token(_KEY_PREFIX)
    async with engine.unit() as unit:
        endpoint, secrets = await _hold(unit, environment, endpoint_id)
        if grace:
            signing = secrets.key_at(unit.now, endpoint.next_key_at)
            secrets, next_key_at = Secrets(secrets.url, signing, key), unit.now + grace
        else:
            secrets, next_key_at = Secrets(secrets.url, key), None
        changed = replace(endpoint, next_key_at=next_key_at, updated_at=unit.now)
        sealed = _seal(engine.vault, changed, secrets)
        await statements.update_endpoint(unit.connection, environment.id, changed, sealed)
    return WithKey(changed, key)


async def delete_endpoint(engine: Engine, environment: EnvironmentScope, endpoint_id: UUID) -> None:
    """Delete an endpoint at once, with its secrets; its log goes with the next sweeps.

    Raises NotFound.
    """
    async with engine.unit() as unit:
        await statements.lock_endpoints(unit.connection, environment.id)
        if not await statements.archive_endpoint(
            unit.connection, environment.id, endpoint_id, unit.now
        ):
            _existing(None)
        await listen(unit, environment.id)


async def listen(unit: Unit, environment_id: UUID) -> None:
    """Hear from now on of what the enabled endpoints of an environment want to be told of."""
    wanted = await statements.wanted_events(unit.connection, environment_id)
    events = heard_of(event_type for each in wanted.values() for event_type in each)
    if events:
        await subscribe(unit, environment_id, Subscription(READER, events))
    else:
        await unsubscribe(unit, environment_id, READER)


def open_secrets(vault: Vault, sealed: bytes, environment_id: UUID, endpoint_id: UUID) -> Secrets:
    """Open what is sealed of an endpoint.

    Raises:
        UnknownKey: the key is missing here; what needs it has to wait.
        BrokenSeal: it has to be set again.
    """
    return Secrets(**vault.open(sealed, _place(environment_id, endpoint_id)))


def _seal(vault: Vault, endpoint: WebhookEndpoint, secrets: Secrets) -> bytes:
    return vault.seal(asdict(secrets), _place(endpoint.environment_id, endpoint.id))


def _place(environment_id: UUID, endpoint_id: UUID) -> str:
    return f"webhook/{environment_id}/{endpoint_id}"


async def _hold(
    unit: Unit, environment: EnvironmentScope, endpoint_id: UUID
) -> tuple[WebhookEndpoint, Secrets]:
    """Lock an endpoint and open its secrets. Raises NotFound."""
    sealed = await statements.hold_sealed(unit.connection, environment.id, endpoint_id)
    found = await statements.get_endpoint(unit.connection, environment.id, endpoint_id)
    endpoint = _existing(found if sealed is not None else None)
    return endpoint, open_secrets(unit.engine.vault, sealed or b"", environment.id, endpoint_id)


def _existing(endpoint: WebhookEndpoint | None) -> WebhookEndpoint:
    if endpoint is None:
        raise NotFound("The webhook does not exist.")
    return endpoint


def _judge_scheme(engine: Engine, url: str) -> None:
    """Refuse at once what would never be sent. Raises InvalidParams."""
    if urlsplit(url).scheme != "https" and not engine.settings.allow_private_egress:
        raise InvalidParams.of("url", "must use https")
