"""E-mail by Postmark (Postmark developer docs: "Email API", "API error codes")."""

from __future__ import annotations

import re
from typing import ClassVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr

from domain.channels.overrides import merged
from domain.deliveries.delivery import Bounced, Delivery, Outcome
from domain.deliveries.reports import Callback, ReportedStatus, StatusReport
from domain.kit.json_types import JsonObject
from domain.messages.attachments import Attachment
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of
from providers.asking import AskedProvider, Told
from providers.email.api import CallbackSettings, EmailApi, named_headers, overrides_of, written
from providers.email.asking import decided
from providers.email.callbacks import MESSAGE_ID, check_password, events_of, report_of
from providers.rest import listed, object_of, text_at

_API = "https://api.postmarkapp.com"
_INACTIVE_RECIPIENT = "406"
_INVALID = "300"
# An e-mail is invalid for its address, unless Postmark names one of these.
_OTHER_PARTS = re.compile(
    r"\b(From|Cc|Bcc|ReplyTo|Subject|TextBody|HtmlBody|Attachments?|Headers?|Tag|Metadata|"
    r"MessageStream)\b"
)
_STATUSES: dict[str, ReportedStatus] = {
    "Delivery": DeliveryStatus.DELIVERED,
    "Bounce": DeliveryStatus.BOUNCED,
}
# Whoever opens an e-mail has got it.
_EVENTS: dict[str, ReportedStatus] = {
    "Delivered": DeliveryStatus.DELIVERED,
    "Opened": DeliveryStatus.DELIVERED,
    "LinkClicked": DeliveryStatus.DELIVERED,
    "Bounced": DeliveryStatus.BOUNCED,
}
# What Postmark tells as a bounce although the e-mail has arrived or still may.
_NO_BOUNCES = frozenset(
    {"Transient", "AutoResponder", "AddressChange", "Subscribe", "Unsubscribe"}
    | {"ChallengeVerification", "OpenRelayTest", "InboundError", "TemplateRenderingFailed"}
)


class PostmarkSettings(CallbackSettings):
    """What an operator sets; the tracking is Postmark's own."""

    api_key: SecretStr
    open_tracking: bool | None = None
    link_tracking: bool | None = None


class Postmark(EmailApi[PostmarkSettings], AskedProvider[PostmarkSettings]):
    """The `postmark` provider."""

    id: ClassVar[str] = "postmark"
    service_name: ClassVar[str] = "Postmark"
    Settings: ClassVar[type[BaseModel]] = PostmarkSettings
    most_bytes: ClassVar[int] = 10 * 1024 * 1024

    def build_request(self, delivery: Delivery, settings: PostmarkSettings) -> httpx.Request:
        """Write the request; its metadata names the message for whoever reads Postmark's events."""
        content, envelope = self.read_mail(delivery)
        body: JsonObject = {
            "From": written(envelope.sender),
            "To": written(envelope.to),
            "Subject": content["subject_line"],
            "HtmlBody": content["html_body"],
            "TextBody": content["text_body"],
            "Metadata": {
                "knock_message_id": delivery.message_id,
                "knock_recipient_id": delivery.recipient_id,
            },
        }
        if delivery.workflow_key:
            body["Tag"] = delivery.workflow_key
        for name, boxes in (
            ("Cc", envelope.cc),
            ("Bcc", envelope.bcc),
            ("ReplyTo", envelope.reply_to),
        ):
            if boxes:
                body[name] = ", ".join(map(written, boxes))
        if content["headers"]:
            body["Headers"] = named_headers(content)
        if delivery.attachments:
            body["Attachments"] = list(map(_attachment, delivery.attachments))
        if settings.open_tracking is not None:
            body["TrackOpens"] = settings.open_tracking
        if settings.link_tracking is not None:
            body["TrackLinks"] = "HtmlAndText" if settings.link_tracking else "None"
        url = f"{settings.base_url or _API}/email"
        return httpx.Request(
            "POST", url, headers=_headers(settings), json=merged(body, overrides_of(delivery))
        )

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id; an address is no good that is none, or that has bounced before."""
        body = object_of(answer)
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange, text_at(body, "MessageID"))
        if answer.status_code == 422:
            code, words = text_at(body, "ErrorCode"), text_at(body, "Message") or ""
            if code == _INACTIVE_RECIPIENT:
                raise Bounced("Postmark has marked the recipient as inactive.", answer.exchange)
            if code == _INVALID and not _OTHER_PARTS.search(words):
                raise Bounced("Postmark rejected the recipient's address.", answer.exchange)
        raise failure_of(answer, now=self._context.clock())

    def build_check(
        self, delivery: Delivery, settings: PostmarkSettings, external_id: str
    ) -> httpx.Request:
        """Ask for the e-mail (Postmark developer docs: "Messages API")."""
        name = quote(external_id, safe="")
        url = f"{settings.base_url or _API}/messages/outbound/{name}/details"
        return httpx.Request("GET", url, headers=_headers(settings))

    def parse_check(self, body: JsonObject, delivery: Delivery) -> Told:
        """Read what happened in each mailbox."""
        return decided(
            delivery,
            (
                (
                    text_at(event, "Recipient"),
                    _EVENTS.get(text_at(event, "Type") or ""),
                    text_at(event, "Details", "Summary"),
                )
                for event in listed(body, "MessageEvents")
            ),
        )

    async def read_callback(
        self, callback: Callback, signing_key: str | None
    ) -> list[StatusReport]:
        """Read a delivery or a bounce (Postmark developer docs: "Webhooks").

        Postmark signs nothing; the key is the password of the address that it was given.
        Raises NotGenuine, and ValueError for what is no event.
        """
        if signing_key is not None:
            check_password(callback, signing_key)
        reports: list[StatusReport] = []
        for event in events_of(callback):
            status = _STATUSES.get(text_at(event, "RecordType") or "")
            is_bounce = status is DeliveryStatus.BOUNCED
            if text_at(event, "Type") in _NO_BOUNCES:
                status = None
            reports += report_of(
                event,
                status,
                message=("Metadata", MESSAGE_ID),
                external=("MessageID",),
                details=("Description",),
                address=("Email",) if is_bounce else ("Recipient",),
            )
        return reports


def _headers(settings: PostmarkSettings) -> dict[str, str]:
    return {
        "x-postmark-server-token": settings.api_key.get_secret_value(),
        "accept": "application/json",
    }


def _attachment(file: Attachment) -> JsonObject:
    """Write an attachment. One with a ContentID is shown within the mail, any other beside it."""
    written: JsonObject = {
        "Name": file.name,
        "Content": file.base64,
        "ContentType": file.content_type,
    }
    if file.is_inline:
        written["ContentID"] = f"cid:{file.content_id or file.name}"
    return written
