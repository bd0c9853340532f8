"""E-mail by SendGrid (SendGrid API reference: "Mail Send" v3)."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import ClassVar
from urllib.parse import quote

import httpx
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import BaseModel, SecretStr

from domain.channels.overrides import merged
from domain.deliveries.checks import Finding
from domain.deliveries.delivery import Delivery, Outcome, Refused
from domain.deliveries.reports import Callback, NotGenuine, ReportedStatus, StatusReport
from domain.kit.json_types import JsonObject
from domain.messages.attachments import Attachment
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of
from providers.asking import AskedProvider, Told
from providers.base import read_settings
from providers.email.addresses import Mailbox
from providers.email.api import CallbackSettings, EmailApi, overrides_of
from providers.email.asking import decided
from providers.email.callbacks import MESSAGE_ID, events_of, report_of
from providers.rest import listed, object_of, text_at

_API = "https://api.sendgrid.com"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_BOUNCES = frozenset({"bounced", "bounce", "dropped"})
_TRANSIENT_BOUNCES = frozenset({"soft", "blocked"})
_STATUSES: dict[str, ReportedStatus] = {
    "delivered": DeliveryStatus.DELIVERED,
    "not_delivered": DeliveryStatus.UNDELIVERED,
    "not delivered": DeliveryStatus.UNDELIVERED,
}


class SendGridSettings(CallbackSettings):
    """What an operator sets; the tracking is SendGrid's own."""

    api_key: SecretStr
    open_tracking: bool | None = None
    link_tracking: bool | None = None


class SendGrid(EmailApi[SendGridSettings], AskedProvider[SendGridSettings]):
    """The `sendgrid` provider."""

    id: ClassVar[str] = "sendgrid"
    service_name: ClassVar[str] = "SendGrid"
    Settings: ClassVar[type[BaseModel]] = SendGridSettings
    most_bytes: ClassVar[int] = 30 * 1024 * 1024

    def build_request(self, delivery: Delivery, settings: SendGridSettings) -> httpx.Request:
        """Write the request. SendGrid refuses an address that is named twice."""
        content, envelope = self.read_mail(delivery)
        person: JsonObject = {"to": [_box(envelope.to)]}
        named = {envelope.to.address.lower()}
        for name, boxes in (("cc", envelope.cc), ("bcc", envelope.bcc)):
            new = {box.address.lower(): box for box in boxes if box.address.lower() not in named}
            named |= set(new)
            if new:
                person[name] = list(map(_box, new.values()))
        body: JsonObject = {
            "personalizations": [person],
            "from": _box(envelope.sender),
            "subject": content["subject_line"],
            # The plain part has to come first, and an empty one is refused.
            "content": [
                {"type": kind, "value": text}
                for kind, text in (
                    ("text/plain", content["text_body"]),
                    ("text/html", content["html_body"]),
                )
                if text
            ],
            "custom_args": {
                "knock_message_id": delivery.message_id,
                "knock_recipient_id": delivery.recipient_id,
            },
        }
        if envelope.reply_to:
            body["reply_to_list"] = list(map(_box, envelope.reply_to))
        if delivery.workflow_key:
            body["categories"] = [delivery.workflow_key]
        tracking = {
            name: {"enable": chosen}
            for name, chosen in (
                ("open_tracking", settings.open_tracking),
                ("click_tracking", settings.link_tracking),
            )
            if chosen is not None
        }
        if tracking:
            body["tracking_settings"] = tracking
        if content["headers"]:
            body["headers"] = content["headers"]
        if delivery.attachments:
            body["attachments"] = list(map(_attachment, delivery.attachments))
        url = f"{settings.base_url or _API}/v3/mail/send"
        return httpx.Request(
            "POST", url, headers=_authorization(settings), json=merged(body, overrides_of(delivery))
        )

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id, which stands in a header."""
        if answer.is_success:
            external_id = answer.headers.get("x-message-id")
            return Outcome(DeliveryStatus.SENT, answer.exchange, external_id)
        raise failure_of(answer, now=self._context.clock())

    def build_check(
        self, delivery: Delivery, settings: SendGridSettings, external_id: str
    ) -> httpx.Request:
        """Ask for the e-mail (SendGrid API reference: "Email Activity"), which is an add-on.

        Raises Refused for a name that SendGrid never gives: it would be more than a name there.
        """
        if not _NAME.fullmatch(external_id):
            raise Refused("SendGrid gave no message id to query by.")
        query = {"limit": "100", "query": f'msg_id LIKE "{external_id}%"'}
        return self._activity(settings, "", query)

    def parse_check(self, body: JsonObject, delivery: Delivery) -> Told:
        """Read how each mailbox stands; in the place of words is SendGrid's name of the e-mail."""
        return decided(
            delivery,
            (
                (
                    text_at(mail, "to_email"),
                    _STATUSES.get(text_at(mail, "status") or ""),
                    text_at(mail, "msg_id"),
                )
                for mail in listed(body, "messages")
            ),
        )

    async def check_status(self, delivery: Delivery, external_id: str) -> Finding:
        """Ask what became of an e-mail, and if it was not delivered, why: the list does not say.

        Raises a DeliveryFailure when SendGrid does not say.
        """
        finding = await super().check_status(delivery, external_id)
        if finding.status is not DeliveryStatus.UNDELIVERED or finding.details is None:
            return replace(finding, details=None)
        settings = read_settings(SendGridSettings, delivery)
        name = quote(finding.details, safe="")
        answer = await self._call(self._activity(settings, f"/{name}", {}), settings)
        if not answer.is_success:
            raise failure_of(answer, now=self._context.clock())
        for event in listed(object_of(answer), "events"):
            has_bounced = text_at(event, "event_name") in _BOUNCES
            if has_bounced and text_at(event, "bounce_type") not in _TRANSIENT_BOUNCES:
                return Finding(DeliveryStatus.BOUNCED, text_at(event, "reason"), answer.exchange)
        return Finding(DeliveryStatus.UNDELIVERED, None, answer.exchange)

    def _activity(
        self, settings: SendGridSettings, path: str, query: dict[str, str]
    ) -> httpx.Request:
        url = f"{settings.base_url or _API}/v3/messages{path}"
        return httpx.Request("GET", url, headers=_authorization(settings), params=query)

    async def read_callback(
        self, callback: Callback, signing_key: str | None
    ) -> list[StatusReport]:
        """Read deliveries and bounces, many at once (SendGrid docs: "Event Webhook").

        The key is the public one of the "Signed Event Webhook".
        Raises NotGenuine, and ValueError for what is no event.
        """
        if signing_key is not None:
            _check(callback, signing_key)
        reports: list[StatusReport] = []
        for event in events_of(callback):
            kind = text_at(event, "event")
            status: ReportedStatus | None = None
            if kind == "delivered":
                status = DeliveryStatus.DELIVERED
            elif kind == "dropped" or (kind == "bounce" and text_at(event, "type") != "blocked"):
                status = DeliveryStatus.BOUNCED
            for report in report_of(
                event,
                status,
                message=(MESSAGE_ID,),
                external=("sg_message_id",),
                details=("reason",),
                address=("email",),
            ):
                # Behind a dot is where in SendGrid it was.
                name = (report.external_id or "").partition(".")[0] or None
                reports.append(replace(report, external_id=name))
        return reports


def _authorization(settings: SendGridSettings) -> dict[str, str]:
    return {"authorization": f"Bearer {settings.api_key.get_secret_value()}"}


def _check(callback: Callback, key: str) -> None:
    """Check a signature (ECDSA) of time and body. Raises NotGenuine."""
    at = callback.headers.get("x-twilio-email-event-webhook-timestamp", "")
    given = callback.headers.get("x-twilio-email-event-webhook-signature", "")
    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise NotGenuine
        signature = base64.b64decode(given, validate=True)
        public.verify(signature, at.encode() + callback.raw, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise NotGenuine from None


def _box(box: Mailbox) -> JsonObject:
    return {"email": box.address, **({"name": box.name} if box.name else {})}


def _attachment(file: Attachment) -> JsonObject:
    written: JsonObject = {
        "filename": file.name,
        "content": file.base64,
        "type": file.content_type,
        "disposition": "inline" if file.is_inline else "attachment",
    }
    if file.content_id is not None:
        written["content_id"] = file.content_id
    return written
