"""What push notifications carry, in the forms of Apple and Google."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from domain.kit.json_types import JsonObject, JsonValue
from domain.messages.delivery import Delivery, Refused


def device_of(delivery: Delivery) -> str:
    """Return the device that a message is for. Raises Refused when it names none."""
    device = delivery.content.get("token")
    if not isinstance(device, str) or not device:
        raise Refused("The message names no device.")
    return device


def shown(delivery: Delivery) -> JsonObject:
    """Return what a notification shows; nothing where it is silent."""
    content = delivery.content
    if content.get("silent"):
        return {}
    return {"title": content.get("title"), "body": content.get("body")}


def carried(delivery: Delivery) -> JsonObject:
    """Return what applications are told beside that (Knock docs: "Data passed").

    A message that an older version has rendered has no data among its content: it goes with what
    the message keeps.
    """
    data = delivery.content.get("data", delivery.data)
    return {**data, "knock_message_id": delivery.message_id}


def apple_payload(delivery: Delivery) -> JsonObject:
    """Write the payload for APNs: the data stands at its root."""
    text = shown(delivery)
    aps: JsonObject = {"alert": text} if text else {"content-available": 1}
    return {**carried(delivery), "aps": aps}


def google_message(delivery: Delivery) -> JsonObject:
    """Write the message for FCM, still without its device."""
    message: JsonObject = {"data": flat(carried(delivery))}
    text = shown(delivery)
    return {**message, "notification": text} if text else message


def flat(data: Mapping[str, Any]) -> dict[str, str]:
    """Return data as FCM takes it: keys with dots where it is nested, and nothing but strings."""
    return dict(_flat(data, ""))


def _flat(data: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        yield from _flat_value(f"{prefix}{name}", value)


def _flat_value(name: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from _flat(value, f"{name}.")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _flat_value(f"{name}.{index}", each)
    elif isinstance(value, str):
        yield name, value
    elif value is not None:
        yield name, json.dumps(value)
