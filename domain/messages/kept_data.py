"""What a message keeps of its trigger's data."""

from __future__ import annotations

from domain.kit.filters import KEPT_CHARACTERS
from domain.kit.json_types import JsonObject

_CHARACTERS = 16_384


def kept_data(data: JsonObject) -> JsonObject:
    """Reduce trigger data to what a message keeps and can be filtered by (Knock API reference).

    Scalars only, strings cut, and of very many keys the first ones: every list shows this data, for
    every recipient of the trigger.
    """
    kept: JsonObject = {}
    room = _CHARACTERS
    for key, value in data.items():
        if isinstance(value, (dict, list)):
            continue
        short = value[:KEPT_CHARACTERS] if isinstance(value, str) else value
        room -= len(key) + len(str(short))
        if room < 0:
            break
        kept[key] = short
    return kept
