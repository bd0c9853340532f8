"""E-mail by Mailgun (Mailgun API reference: "Messages")."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.channels.overrides import merged
from domain.deliveries.delivery import Delivery, Outcome
from domain.deliveries.reports import Callback, NotGenuine, ReportedStatus, StatusReport
from domain.kit.json_types import JsonObject, JsonValue
from domain.messages.attachments import Attachment
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of
from providers.asking import AskedProvider, Told
from providers.base import ProviderContext
from providers.email.api import CallbackSettings, EmailApi, overrides_of, written
from providers.email.asking import decided
from providers.email.callbacks import MESSAGE_ID, events_of, report_of
from providers.rest import form_request, listed, object_of, text_at, with_login

_APIS = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
# Mailgun comes back for eight hours with a callback that failed (Mailgun docs: "Webhook retries"),
# and does not say that it signs it anew.
_TOLERANCE = timedelta(hours=9)
_MOST_SEEN = 20_000


class MailgunSettings(CallbackSettings):
    """What an operator sets; the tracking is Mailgun's own."""

    api_key: SecretStr
    domain: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")]
    region: Literal["us", "eu"] = "us"
    open_tracking: bool | None = None
    link_tracking: bool | None = None


class Mailgun(EmailApi[MailgunSettings], AskedProvider[MailgunSettings]):
    """The `mailgun` provider."""

    id: ClassVar[str] = "mailgun"
    service_name: ClassVar[str] = "Mailgun"
    Settings: ClassVar[type[BaseModel]] = MailgunSettings
    most_bytes: ClassVar[int] = 25 * 1024 * 1024

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        # What was told with each signature, the oldest first. Every process has its own.
        self._told: dict[str, list[StatusReport]] = {}

    def build_request(self, delivery: Delivery, settings: MailgunSettings) -> httpx.Request:
        """Write the request, a form."""
        content, envelope = self.read_mail(delivery)
        fields: JsonObject = {
            "from": written(envelope.sender),
            "to": written(envelope.to),
            "subject": content["subject_line"],
            "html": content["html_body"],
            "text": content["text_body"],
            "v:knock_message_id": delivery.message_id,
            "v:knock_recipient_id": delivery.recipient_id,
            **{f"h:{name}": value for name, value in content["headers"].items()},
        }
        if delivery.workflow_key:
            fields["o:tag"] = delivery.workflow_key
        for name, boxes in (
            ("cc", envelope.cc),
            ("bcc", envelope.bcc),
            ("h:Reply-To", envelope.reply_to),
        ):
            if boxes:
                fields[name] = ", ".join(map(written, boxes))
        for name, chosen in (
            ("o:tracking-opens", settings.open_tracking),
            ("o:tracking-clicks", settings.link_tracking),
        ):
            if chosen is not None:
                fields[name] = "yes" if chosen else "no"
        form = {
            name: _field(value) for name, value in merged(fields, overrides_of(delivery)).items()
        }
        url = f"{settings.base_url or _APIS[settings.region]}/v3/{settings.domain}/messages"
        files = [_file(each) for each in delivery.attachments]
        return form_request(url, form, user="api", password=settings.api_key, files=files)

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the Message-ID, which Mailgun writes with angle brackets."""
        if answer.is_success:
            external_id = (text_at(object_of(answer), "id") or "").strip("<>") or None
            return Outcome(DeliveryStatus.SENT, answer.exchange, external_id)
        raise failure_of(answer, now=self._context.clock())

    def build_check(
        self, delivery: Delivery, settings: MailgunSettings, external_id: str
    ) -> httpx.Request:
        """Ask for the events of the e-mail (Mailgun API reference: "Events")."""
        url = f"{settings.base_url or _APIS[settings.region]}/v3/{settings.domain}/events"
        request = httpx.Request("GET", url, params={"message-id": external_id, "limit": "100"})
        return with_login(request, "api", settings.api_key)

    def parse_check(self, body: JsonObject, delivery: Delivery) -> Told:
        """Read a delivery, a lasting failure, or that Mailgun did not send it at all."""
        return decided(
            delivery,
            (
                (
                    text_at(event, "recipient"),
                    _status_of(event),
                    text_at(event, "delivery-status", "description")
                    or text_at(event, "delivery-status", "message")
                    or text_at(event, "reject", "reason"),
                )
                for event in listed(body, "items")
            ),
        )

    async def read_callback(
        self, callback: Callback, signing_key: str | None
    ) -> list[StatusReport]:
        """Read a delivery or a failure (Mailgun docs: "Webhooks").

        Raises NotGenuine, and ValueError for what is no event.
        """
        reports: list[StatusReport] = []
        for event in events_of(callback):
            inner = event.get("event-data") if isinstance(event, dict) else None
            told = report_of(
                event,
                _status_of(inner),
                message=("event-data", "user-variables", MESSAGE_ID),
                external=("event-data", "message", "headers", "message-id"),
                details=("event-data", "delivery-status", "description"),
                address=("event-data", "recipient"),
            )
            if signing_key is not None:
                self._check(event, signing_key, told)
            reports += told
        return reports

    def _check(self, event: JsonValue, key: str, told: list[StatusReport]) -> None:
        """Check a signature. Raises NotGenuine.

        It is of time and token alone, so that whoever has seen one could tell anything by it. It
        is good for as long as Mailgun may repeat it, and only for what was told with it first.
        """
        at, token, given = (
            text_at(event, "signature", name) or "" for name in ("timestamp", "token", "signature")
        )
        wanted = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise NotGenuine
        age = self._context.clock().timestamp() - _seconds(at)
        if abs(age) > _TOLERANCE.total_seconds() or self._told.setdefault(wanted, told) != told:
            raise NotGenuine
        if len(self._told) > _MOST_SEEN:
            del self._told[next(iter(self._told))]


def _status_of(event: JsonValue) -> ReportedStatus | None:
    """Return what an event says for good, if it does."""
    kind = text_at(event, "event")
    if kind == "delivered":
        return DeliveryStatus.DELIVERED
    if kind == "failed" and text_at(event, "severity") == "permanent":
        return DeliveryStatus.BOUNCED
    return DeliveryStatus.UNDELIVERED if kind == "rejected" else None


def _seconds(at: str) -> int:
    """Read a time as Mailgun writes it; what is none is long ago."""
    return int(at) if at.isdecimal() and len(at) < 16 else 0


def _file(file: Attachment) -> tuple[str, tuple[str, bytes, str]]:
    """Write an attachment as a part of the form; one within the mail is found by its name."""
    if file.is_inline:
        return "inline", (file.content_id or file.name, file.raw, file.content_type)
    return "attachment", (file.name, file.raw, file.content_type)


def _field(value: Any) -> Any:
    """Write what an override gives as a field of a form; a list is the field several times."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return [str(each) for each in value]
    return value if isinstance(value, str) else str(value)
