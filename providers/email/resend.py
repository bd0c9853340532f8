"""E-mail by Resend (Resend API reference: "Send email")."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr

from domain.channels.overrides import merged
from domain.deliveries.delivery import Delivery, Outcome
from domain.deliveries.reports import Callback, NotGenuine, ReportedStatus, StatusReport
from domain.kit.json_types import JsonObject, JsonValue
from domain.messages.attachments import Attachment
from domain.messages.statuses import DeliveryStatus
from domain.sources.verification import is_genuine
from outbound.http import Answer, failure_of, retry_of
from providers.asking import AskedProvider, Told
from providers.email.api import CallbackSettings, EmailApi, overrides_of, written
from providers.email.callbacks import MESSAGE_ID, events_of, report_of
from providers.rest import object_of, text_at

_API = "https://api.resend.com"
# Another attempt with the same key is under way.
_CONCURRENT = "concurrent_idempotent_requests"
_STATUSES: dict[str, ReportedStatus] = {
    "email.delivered": DeliveryStatus.DELIVERED,
    "email.bounced": DeliveryStatus.BOUNCED,
}
# Whoever opens an e-mail, or complains of it, has got it.
_LAST_EVENTS: dict[str, ReportedStatus] = {
    **dict.fromkeys(("delivered", "opened", "clicked", "complained"), DeliveryStatus.DELIVERED),
    **dict.fromkeys(("bounced", "suppressed"), DeliveryStatus.BOUNCED),
    **dict.fromkeys(("failed", "canceled"), DeliveryStatus.UNDELIVERED),
}


class ResendSettings(CallbackSettings):
    """What an operator sets."""

    api_key: SecretStr


class Resend(EmailApi[ResendSettings], AskedProvider[ResendSettings]):
    """The `resend` provider."""

    id: ClassVar[str] = "resend"
    service_name: ClassVar[str] = "Resend"
    Settings: ClassVar[type[BaseModel]] = ResendSettings
    most_bytes: ClassVar[int] = 40 * 1024 * 1024

    def build_request(self, delivery: Delivery, settings: ResendSettings) -> httpx.Request:
        """Write the request; the message's id keeps it from being sent twice."""
        content, envelope = self.read_mail(delivery)
        body: JsonObject = {
            "from": written(envelope.sender),
            "to": [written(envelope.to)],
            "subject": content["subject_line"],
            "html": content["html_body"],
            "text": content["text_body"],
            # Its events bring them back.
            "tags": [{"name": MESSAGE_ID, "value": delivery.message_id}],
        }
        for name in ("cc", "bcc", "reply_to"):
            boxes = getattr(envelope, name)
            if boxes:
                body[name] = list(map(written, boxes))
        if content["headers"]:
            body["headers"] = content["headers"]
        if delivery.attachments:
            body["attachments"] = list(map(_attachment, delivery.attachments))
        headers = {
            **_authorization(settings),
            "idempotency-key": delivery.message_id,
        }
        url = f"{settings.base_url or _API}/emails"
        return httpx.Request(
            "POST", url, headers=headers, json=merged(body, overrides_of(delivery))
        )

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id of the e-mail."""
        body = object_of(answer)
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange, text_at(body, "id"))
        if text_at(body, "name") == _CONCURRENT:
            raise retry_of(answer, now=self._context.clock())
        raise failure_of(answer, now=self._context.clock())

    def build_check(
        self, delivery: Delivery, settings: ResendSettings, external_id: str
    ) -> httpx.Request:
        """Ask for the e-mail (Resend API reference: "Retrieve email")."""
        url = f"{settings.base_url or _API}/emails/{quote(external_id, safe='')}"
        return httpx.Request("GET", url, headers=_authorization(settings))

    def parse_check(self, body: JsonObject, delivery: Delivery) -> Told:
        """Read what has happened last."""
        last = text_at(body, "last_event") or ""
        return _LAST_EVENTS.get(last), f"Resend says: {last}."

    async def read_callback(
        self, callback: Callback, signing_key: str | None
    ) -> list[StatusReport]:
        """Read a delivery or a bounce (Resend docs: "Webhooks"), signed as Svix does.

        Raises NotGenuine, and ValueError for what is no event.
        """
        if signing_key is not None and not is_genuine(
            {"scheme": "standard_webhooks"},
            signing_key,
            body=callback.raw,
            headers=callback.headers,
            now=self._context.clock().timestamp(),
        ):
            raise NotGenuine
        reports: list[StatusReport] = []
        for event in events_of(callback):
            reports += report_of(
                event,
                _STATUSES.get(text_at(event, "type") or ""),
                message=("data", "tags", *_place(event)),
                external=("data", "email_id"),
                details=("data", "bounce", "message"),
            )
        return reports


def _authorization(settings: ResendSettings) -> dict[str, str]:
    return {"authorization": f"Bearer {settings.api_key.get_secret_value()}"}


def _place(event: JsonValue) -> tuple[str | int, ...]:
    """Return where our tag is among those of an event: an object, or a list of pairs."""
    data = event.get("data") if isinstance(event, dict) else None
    tags = data.get("tags") if isinstance(data, dict) else None
    for number, tag in enumerate(tags if isinstance(tags, list) else ()):
        if text_at(tag, "name") == MESSAGE_ID:
            return number, "value"
    return (MESSAGE_ID,)


def _attachment(file: Attachment) -> JsonObject:
    """Write an attachment. Resend has no disposition: one with an id is shown within the mail."""
    written: JsonObject = {
        "filename": file.name,
        "content": file.base64,
        "content_type": file.content_type,
    }
    if file.content_id is not None:
        written["content_id"] = file.content_id
    return written
