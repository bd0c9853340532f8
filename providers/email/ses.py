"""E-mail by Amazon SES (Amazon SES API v2 reference: SendEmail)."""

from __future__ import annotations

import re
from email.utils import formataddr
from typing import ClassVar

import httpx
from pydantic import BaseModel

from domain.channels.overrides import merged
from domain.deliveries.delivery import Delivery, Outcome
from domain.deliveries.reports import Callback, StatusReport
from domain.kit.json_types import JsonObject
from domain.messages.attachments import Attachment
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from outbound.redaction import parse_json
from providers.aws import AwsProvider, AwsSettings
from providers.base import ProviderContext
from providers.email.addresses import Mailbox
from providers.email.api import EmailApi, named_headers, overrides_of
from providers.email.ses_events import reports_of
from providers.rest import object_of, text_at
from providers.sns_notifications import SnsNotifications

_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_-]")
# Errors with a code of their own below 500 that pass; all others of that kind stay.
_TRANSIENT_CODES = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling"})


class SesSettings(AwsSettings):
    """What an operator sets: a region and the keys of a user who may send.

    `configuration_set` names the SES configuration set that events are published by, and
    `topic_arn` the only topic of SNS that is listened to.
    """

    configuration_set: str | None = None
    topic_arn: str | None = None


class Ses(EmailApi[SesSettings], AwsProvider[SesSettings]):
    """The `aws_ses` provider."""

    id: ClassVar[str] = "aws_ses"
    service_name: ClassVar[str] = "Amazon SES"
    Settings: ClassVar[type[BaseModel]] = SesSettings
    most_bytes: ClassVar[int] = 40 * 1024 * 1024
    # SNS signs with a key of its own; the topic says whose events they are.
    callback_key: ClassVar[str] = "topic_arn"

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        self._notifications = SnsNotifications(context)

    def build_request(self, delivery: Delivery, settings: SesSettings) -> httpx.Request:
        """Write the request, and sign it as of now."""
        content, envelope = self.read_mail(delivery)
        destination: JsonObject = {"ToAddresses": [_written(envelope.to)]}
        for name, boxes in (("CcAddresses", envelope.cc), ("BccAddresses", envelope.bcc)):
            if boxes:
                destination[name] = list(map(_written, boxes))
        parts = {
            name: {"Data": text, "Charset": "UTF-8"}
            for name, text in (("Html", content["html_body"]), ("Text", content["text_body"]))
            if text
        }
        subject = {"Data": content["subject_line"], "Charset": "UTF-8"}
        simple: JsonObject = {"Subject": subject, "Body": parts}
        if content["headers"]:
            simple["Headers"] = named_headers(content)
        if delivery.attachments:
            simple["Attachments"] = list(map(_attachment, delivery.attachments))
        body: JsonObject = {
            "FromEmailAddress": _written(envelope.sender),
            "Destination": destination,
            "Content": {"Simple": simple},
            "EmailTags": [
                {"Name": name, "Value": _NOT_IN_TAGS.sub("", value)[:256]}
                for name, value in (
                    ("knock_message_id", delivery.message_id),
                    ("knock_workflow", delivery.workflow_key),
                    ("knock_recipient_id", delivery.recipient_id),
                )
                if _NOT_IN_TAGS.sub("", value)
            ],
        }
        if envelope.reply_to:
            body["ReplyToAddresses"] = list(map(_written, envelope.reply_to))
        if settings.configuration_set:
            body["ConfigurationSetName"] = settings.configuration_set
        base = settings.base_url or f"https://email.{settings.region}.amazonaws.com"
        request = httpx.Request(
            "POST",
            f"{base}/v2/email/outbound-emails",
            json=merged(body, overrides_of(delivery)),
        )
        return settings.sign(request, "ses", self._context.clock())

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id; the kind of an error stands in a header."""
        if answer.is_success:
            external_id = text_at(object_of(answer), "MessageId")
            # Feedback of an identity names an e-mail by that alone.
            return Outcome(DeliveryStatus.SENT, answer.exchange, external_id, is_told_by_name=True)
        kind = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
        if kind in _TRANSIENT_CODES:
            raise retry_of(answer, now=self._context.clock())
        raise failure_of(answer, now=self._context.clock())

    async def read_callback(self, callback: Callback, topic_arn: str | None) -> list[StatusReport]:
        """Read a delivery, a bounce, a complaint or a rejection, which SNS hands on.

        Raises NotGenuine, NotNow, and ValueError for what is no event.
        """
        text = await self._notifications.read(callback, topic_arn)
        return [] if text is None else reports_of(parse_json(text))


def _written(box: Mailbox) -> str:
    """Write a mailbox; a name that is not ASCII has to be an encoded word."""
    return formataddr((box.name, box.address)) if box.name else box.address


def _attachment(file: Attachment) -> JsonObject:
    written: JsonObject = {
        "FileName": file.name,
        "RawContent": file.base64,
        "ContentType": file.content_type,
        "ContentTransferEncoding": "BASE64",
        "ContentDisposition": "INLINE" if file.is_inline else "ATTACHMENT",
    }
    if file.content_id is not None:
        written["ContentId"] = file.content_id
    return written
