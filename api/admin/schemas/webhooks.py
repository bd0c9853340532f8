"""Wire shapes of webhooks, their deliveries and the requests that were made."""

from __future__ import annotations

import json
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from domain.kit.answers import LeftOut, Moment, Out
from domain.webhooks.deliveries import DeliveryState, WebhookAttempt, WebhookDelivery
from domain.webhooks.endpoints import WebhookEndpoint
from services.webhooks.log import LoggedDelivery


class WebhookOut(Out):
    """A webhook; `signing_key` is there once, in the answer that made it."""

    id: UUID
    url: str = Field(description="Values of secret query parameters are masked.")
    description: str | None
    event_types: list[str]
    enabled: bool
    next_key_at: Moment | None = Field(description="When a new key starts to sign.")
    created_at: Moment
    updated_at: Moment
    signing_key: LeftOut[str] = None

    @classmethod
    def of(cls, endpoint: WebhookEndpoint, signing_key: str | None = None) -> Self:
        """Write a webhook."""
        return cls(
            id=endpoint.id,
            url=endpoint.shown_url,
            description=endpoint.description,
            event_types=endpoint.event_types,
            enabled=endpoint.is_enabled,
            next_key_at=endpoint.next_key_at,
            created_at=endpoint.inserted_at,
            updated_at=endpoint.updated_at,
            signing_key=signing_key,
        )


class WebhookBodyOut(Out):
    """The webhook as it is now."""

    webhook: WebhookOut


class WebhookDeliveryOut(Out):
    """Where the delivery of an event stands: `waiting`, `sending`, `delivered` or `failed`."""

    id: UUID
    event_id: UUID
    event_type: str
    status: DeliveryState
    attempts: int
    redeliveries: int = Field(description="How often it was redelivered on request.")
    status_code: int | None = Field(description="Status code of the latest answer.")
    error: str | None = Field(description="What was wrong with the latest attempt.")
    next_attempt_at: Moment | None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, delivery: WebhookDelivery, **more: Any) -> Self:
        """Write a delivery; `more` are the members of a larger shape."""
        is_open = delivery.state in (DeliveryState.WAITING, DeliveryState.SENDING)
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            event_type=delivery.event_type,
            status=DeliveryState(delivery.state),
            attempts=delivery.attempts,
            redeliveries=delivery.redeliveries,
            status_code=delivery.status_code,
            error=delivery.error,
            next_attempt_at=delivery.due_at if is_open else None,
            created_at=delivery.inserted_at,
            updated_at=delivery.updated_at,
            **more,
        )


class WebhookDeliveryBodyOut(Out):
    """The delivery as it is now."""

    delivery: WebhookDeliveryOut


class WebhookAttemptOut(Out):
    """One request, with secrets redacted; `response` is null when no answer came."""

    id: UUID
    attempt: int
    status_code: int | None
    error: str | None
    milliseconds: int
    request: dict[str, Any]
    response: dict[str, Any] | None
    created_at: Moment

    @classmethod
    def of(cls, attempt: WebhookAttempt) -> Self:
        """Write an attempt."""
        return cls(
            id=attempt.id,
            attempt=attempt.attempt,
            status_code=attempt.status_code,
            error=attempt.error,
            milliseconds=attempt.milliseconds,
            request=attempt.request,
            response=attempt.response,
            created_at=attempt.inserted_at,
        )


class WebhookDeliveryDetailOut(WebhookDeliveryOut):
    """A delivery with what is sent, and with its requests, newest first."""

    payload: dict[str, Any]
    requests: list[WebhookAttemptOut]

    @classmethod
    def of_logged(cls, logged: LoggedDelivery) -> Self:
        """Write a delivery from the log."""
        return cls.of(
            logged.delivery,
            payload=json.loads(logged.body),
            requests=[WebhookAttemptOut.of(attempt) for attempt in logged.attempts],
        )


class WebhookDeliveryDetailBodyOut(Out):
    """The delivery as it is now, with its requests."""

    delivery: WebhookDeliveryDetailOut
