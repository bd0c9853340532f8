"""What push notifications carry, in the forms of Apple and Google."""

from __future__ import annotations

import re

from domain.deliveries.delivery import Delivery, Refused
from domain.kit.json_types import JsonObject, encoded_size
from domain.messages.pushed_data import fitting, flat

# Firebase docs: "HTTP v1 API", `Message.data`; "ErrorCode", invalid data keys.
_RESERVED = re.compile(r"(from|message_type)\Z|(google|gcm)(\.|\Z)")


def device_of(delivery: Delivery) -> str:
    """Return the device that a message is for. Raises Refused when it names none."""
    device = delivery.content.get("token")
    if not isinstance(device, str) or not device:
        raise Refused("The message has no device token.")
    return device


def shown(delivery: Delivery) -> JsonObject:
    """Return what a notification shows: a body, and a title if it has one; nothing if silent."""
    content = delivery.content
    if content.get("silent"):
        return {}
    title = content.get("title")
    return {**({"title": title} if title else {}), "body": content.get("body")}


def carried(delivery: Delivery, *, room: int | None = None) -> JsonObject:
    """Return what applications are told beside that (Knock docs: "Data passed").

    A message that an older version has rendered has no data among its content: it goes with what
    the message keeps.

    Args:
        delivery: the message.
        room: the bytes of JSON that its vendor takes; without it what was made is taken.
    """
    data = delivery.content.get("data", delivery.data)
    own = {"knock_message_id": delivery.message_id}
    if room is not None:
        data = fitting(data, room - encoded_size(own), encoded_size)
    return {**data, **own}


def apple_payload(delivery: Delivery) -> JsonObject:
    """Write the payload for APNs: the data stands at its root."""
    text = shown(delivery)
    aps: JsonObject = {"alert": text} if text else {"content-available": 1}
    return {**carried(delivery), "aps": aps}


def google_message(delivery: Delivery) -> JsonObject:
    """Write the message for FCM, still without its device.

    Data under a name that FCM keeps for itself is left out: FCM would refuse the message.
    """
    data = flat(carried(delivery))
    message: JsonObject = {
        "data": {name: value for name, value in data.items() if not _RESERVED.match(name)}
    }
    text = shown(delivery)
    return {**message, "notification": text} if text else message
