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
    for key, value in scalars(data).items():
        short = _cut(value)
        size = _size(key, short)
        if size <= room:  # else a smaller one that comes later may fit
            room -= size
            kept[key] = short
    return kept


def scalars(data: JsonObject) -> JsonObject:
    """Return the members of trigger data that hold no others."""
    return {key: value for key, value in data.items() if not isinstance(value, (dict, list))}


def may_be_cut(kept: JsonObject) -> bool:
    """Tell whether the trigger may have carried more scalars than a message keeps, or longer ones.

    One that nothing was cut of has room left for another, its key of some thousands of characters
    included; so for most messages nobody has to look at what their trigger carried.
    """
    if any(isinstance(each, str) and len(each) >= _STRING_CHARACTERS for each in kept.values()):
        return True
    return sum(_size(key, value) for key, value in kept.items()) > _ALL_CHARACTERS // 2


def kept_filter(wanted: DataFilter) -> DataFilter:
    """Reduce the values that somebody looks for to what a message would have kept of them."""
    return DataFilter({key: tuple(map(_cut, values)) for key, values in wanted.wanted.items()})


def _size(key: str, value: JsonValue) -> int:
    return len(key) + len(str(value))


def _cut(value: JsonValue) -> JsonValue:
    return value[:_STRING_CHARACTERS] if isinstance(value, str) else value
