"""What a message keeps of its trigger's data, and can be filtered by (Knock API reference).

Scalars only, strings cut, and of very many keys the first ones that have room: every list shows
this data, for every recipient of the trigger.
"""

from __future__ import annotations

from domain.kit.filters import DataFilter
from domain.kit.json_types import JsonObject, JsonValue

_STRING_CHARACTERS = 256
_ALL_CHARACTERS = 16_384


def kept_data(data: JsonObject) -> JsonObject:
    """Reduce trigger data to what a message keeps of it."""
    kept: JsonObject = {}
    room = _ALL_CHARACTERS
    for key, value in data.items():
        if isinstance(value, (dict, list)):
            continue
        short = _cut(value)
        size = len(key) + len(str(short))
        if size <= room:  # else a smaller one that comes later may fit
            room -= size
            kept[key] = short
    return kept


def kept_filter(wanted: DataFilter) -> DataFilter:
    """Reduce the values that somebody looks for to what a message would have kept of them."""
    return DataFilter({key: tuple(map(_cut, values)) for key, values in wanted.wanted.items()})


def _cut(value: JsonValue) -> JsonValue:
    return value[:_STRING_CHARACTERS] if isinstance(value, str) else value
