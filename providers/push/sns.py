"""Push notifications by Amazon SNS (Amazon SNS API reference: Publish)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel

from domain.channels.overrides import merged
from domain.channels.types import ChannelType
from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Outcome
from domain.kit.json_types import JsonObject, JsonValue, encoded
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.aws import AwsProvider, AwsSettings
from providers.push.payloads import apple_payload, device_of, google_message

_ID = re.compile(r"<MessageId>([^<>]{1,256})</MessageId>")
_CODE = re.compile(r"<Code>([^<>]{1,256})</Code>")
# SNS switches an endpoint off when Apple or Google does not know its device any more.
_UNREGISTERED_CODES = frozenset({"EndpointDisabled", "NotFound"})
# How it says of one that was deleted, with the code of every wrong parameter.
_NO_ENDPOINT = "No endpoint found"
_MISCONFIGURED_CODES = frozenset({"PlatformApplicationDisabled"})
# Errors with a code of their own below 500 that pass; all others of that kind stay.
_TRANSIENT_CODES = frozenset({"Throttling", "Throttled", "ThrottlingException", "KMSThrottling"})
_BACKGROUND = {"PUSH_TYPE": "background", "PRIORITY": "5"}


class Sns(AwsProvider[AwsSettings]):
    """The `push_aws_sns` provider; a device is the ARN of a platform endpoint."""

    id: ClassVar[str] = "push_aws_sns"
    channel_type: ClassVar[ChannelType] = ChannelType.PUSH
    service_name: ClassVar[str] = "Amazon SNS"
    Settings: ClassVar[type[BaseModel]] = AwsSettings

    def build_request(self, delivery: Delivery, settings: AwsSettings) -> httpx.Request:
        """Write the request, and sign it as of now."""
        apple = apple_payload(delivery)
        google = {"fcmV1Message": {"message": google_message(delivery)}}
        platforms = {"APNS": apple, "APNS_SANDBOX": apple, "GCM": google}
        built: JsonObject = {"Message": platforms}
        if delivery.content.get("silent"):
            built["MessageAttributes"] = {"entry": _attributes(_BACKGROUND)}
        body = merged(built, delivery.content.get("overrides"))
        # Which of them counts depends on the endpoint; SNS wants a text for every other kind.
        message = {"default": str(delivery.content.get("body") or ""), **_platforms(body)}
        form = {
            "Action": "Publish",
            "Version": "2010-03-31",
            "TargetArn": device_of(delivery),
            "MessageStructure": "json",
            "Message": json.dumps(message),
            **dict(_form("MessageAttributes", body.get("MessageAttributes"))),
        }
        request = httpx.Request(
            "POST",
            settings.base_url or f"https://sns.{settings.region}.amazonaws.com",
            headers={"content-type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
        )
        return settings.sign(request, "sns", self._context.clock())

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id, or the code of an error; nothing else of the XML matters."""
        text = answer.body.decode("utf-8", "replace")
        if answer.is_success:
            found = _ID.search(text)
            return Outcome(DeliveryStatus.SENT, answer.exchange, found[1] if found else None)
        found = _CODE.search(text)
        code = found[1] if found else ""
        if code in _UNREGISTERED_CODES or (code == "InvalidParameter" and _NO_ENDPOINT in text):
            told = f"Amazon SNS cannot reach the device ({code})."
            raise Bounced(told, answer.exchange, token=str(delivery.content.get("token")))
        if code in _MISCONFIGURED_CODES:
            raise Misconfigured(f"Amazon SNS cannot push to the app ({code}).", answer.exchange)
        if code in _TRANSIENT_CODES:
            raise retry_of(answer, now=self._context.clock())
        raise failure_of(answer, now=self._context.clock())


def _attributes(values: dict[str, str]) -> list[JsonValue]:
    """Write headers of APNs as SNS has them."""
    return [
        {
            "Name": f"AWS.SNS.MOBILE.APNS.{name}",
            "Value": {"DataType": "String", "StringValue": value},
        }
        for name, value in values.items()
    ]


def _platforms(body: JsonObject) -> dict[str, str]:
    """Write what each platform gets as SNS wants it: JSON within JSON.

    It is compact, because Apple and Google count its bytes.
    """
    given = body.get("Message")
    return {
        name: value if isinstance(value, str) else encoded(value).decode()
        for name, value in (given.items() if isinstance(given, dict) else ())
    }


def _form(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield the fields of a nested parameter, whose lists are counted from one."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _form(f"{name}.{key}", each)
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield from _form(f"{name}.{number}", each)
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value)
