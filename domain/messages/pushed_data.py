"""What a push notification carries of its run's data, and how much of it vendors take.

Source: Knock docs, "Data passed" of the push channels; Apple docs "Generating a remote
notification", Firebase docs "ErrorCode": 4 kB for a whole notification.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from domain.kit.json_types import JsonObject, JsonValue, encoded_size
from domain.messages.kept_data import kept_data

# The most that Apple, Google and Expo take as a whole notification.
MOST_PUSHED_BYTES = 4_096
# The message's id, and the names, quotes and braces that stand around text and data.
_FRAME_BYTES = 256


def room_beside(*more: JsonValue) -> int:
    """Return the bytes that a notification has for data, beside what else it holds."""
    return MOST_PUSHED_BYTES - _FRAME_BYTES - encoded_size(more)


def pushed_size(data: JsonObject) -> int:
    """Return the bytes that data takes in the larger of its two forms: nested, or flat.

    More than any vendor takes is as good as the exact number, and sooner told.
    """
    size = encoded_size(data)
    return size if size > MOST_PUSHED_BYTES else max(size, encoded_size(flat(data)))


def fitting(
    data: JsonObject, room: int, size: Callable[[JsonObject], int] = pushed_size
) -> JsonObject:
    """Return what of a run's data has room; a notification without it beats one that is refused.

    All of it; else what every message keeps of it; else of that the members that have room, the
    first ones before others.

    Args:
        data: of the run.
        room: how many bytes may be taken.
        size: tells how many some data takes.
    """
    for whole in (data, kept := kept_data(data)):
        if size(whole) <= room:
            return whole
    some: JsonObject = {}
    for name, value in kept.items():
        # Each is measured with braces of its own, which have the bytes of a comma and one more.
        taken = size({name: value})
        if taken <= room:
            room -= taken
            some[name] = value
    return some


def flat(data: JsonObject) -> dict[str, str]:
    """Return data as Google takes it: keys with dots where it is nested, nothing but strings."""
    return dict(_flat(data, ""))


def _flat(data: JsonObject, prefix: str) -> Iterator[tuple[str, str]]:
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
