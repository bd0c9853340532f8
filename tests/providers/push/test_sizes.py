"""No vendor is sent a notification that is larger than it takes, whatever its run's data is."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery
from domain.kit.json_types import encoded_size
from domain.messages.pushed_data import MOST_PUSHED_BYTES
from providers.aws import AwsSettings
from providers.base import ProviderContext
from providers.push.apns import Apns, ApnsSettings
from providers.push.expo import Expo, ExpoSettings
from providers.push.fcm import Fcm, FcmSettings
from providers.push.one_signal import OneSignal, OneSignalSettings
from providers.push.sns import Sns
from templating.messages.render import render_content
from tests.providers.contract import MESSAGE_ID, open_context

ITEMS = [{"id": n, "name": f"Item {n}", "qty": 2, "price": 9.5} for n in range(36)]
DATA = [
    pytest.param({"items": ITEMS}, id="much larger when it is flat"),
    pytest.param({"text": "x" * 3_973}, id="has room without the rest"),
    pytest.param({"text": "ä" * 1_900}, id="not in ASCII"),
    pytest.param({"text": '"\n' * 900}, id="escaped"),
    pytest.param({f"key-{n}": "x" * 100 for n in range(100)}, id="more than is kept elsewhere"),
    pytest.param({"deep": [[[{"a": ["x"] * 300}]]]}, id="deep"),
]
TEXTS = [
    pytest.param({"title": "Hi", "text_body": "there"}, id="short"),
    pytest.param({"title": "ü" * 90, "text_body": "ö" * 1_700}, id="long"),
    pytest.param({"title": "Hi", "settings": {"delivery_type": "silent"}}, id="silent"),
    pytest.param(
        {"title": "Hi", "settings": {"payload_overrides": '{"more": "%s"}' % ("o" * 900)}},
        id="overridden",
    ),
]


def delivery(template: dict[str, Any], data: dict[str, Any]) -> Delivery:
    """Render a template with the data of a run, for a device."""
    content = render_content(ChannelType.PUSH, template, {"data": data}, settings={})
    token = {"token": "t" * 160}
    return Delivery(MESSAGE_ID, ChannelType.PUSH, {**content, **token}, {}, "", workflow_key="w")


@pytest.fixture
async def context() -> Any:
    """Make what providers share."""
    async with open_context() as made:
        yield made


def body(request: httpx.Request) -> Any:
    """Return what a request sends."""
    return json.loads(request.content)


@pytest.mark.parametrize("template", TEXTS)
@pytest.mark.parametrize("data", DATA)
async def test_a_notification_is_one_that_vendors_take(
    context: ProviderContext, template: dict[str, Any], data: dict[str, Any]
) -> None:
    """Apple counts the payload, Google and Expo the message, OneSignal the data alone."""
    to_send = delivery(template, data)
    apple = Apns(context).build_request(to_send, ApnsSettings.model_construct(bundle_id="b"))
    google = Fcm(context).build_request(to_send, FcmSettings.model_construct(project_id="p"))
    expo = Expo(context).build_request(to_send, ExpoSettings())
    amazon = Sns(context).build_request(
        to_send,
        AwsSettings.model_validate(
            {"region": "eu-west-1", "access_key_id": "A", "secret_access_key": "s"}
        ),
    )
    one_signal = OneSignal(context).build_request(
        to_send, OneSignalSettings.model_validate({"app_id": "a", "api_key": "k"})
    )

    message = body(google)["message"]
    platforms = json.loads(parse_qs(amazon.content.decode())["Message"][0])
    sent = {
        "apple": len(apple.content),
        "google": encoded_size({name: message[name] for name in message if name != "token"}),
        "expo": encoded_size({name: part for name, part in body(expo).items() if name != "to"}),
        "apple by sns": len(platforms["APNS"].encode()),
        "google by sns": encoded_size(json.loads(platforms["GCM"])["fcmV1Message"]["message"]),
    }
    assert {name: size for name, size in sent.items() if size > MOST_PUSHED_BYTES} == {}
    assert encoded_size(body(one_signal)["data"]) <= 2_048
    assert body(one_signal)["data"]["knock_message_id"] == MESSAGE_ID
