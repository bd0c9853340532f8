"""What PostgreSQL can store of text and JSON that others wrote.

A text or JSON column refuses NUL, lone surrogates and numbers that are not finite; documents that
are deep or huge are stored and then break whoever reads them.
"""

from __future__ import annotations

import math

from domain.kit.json_types import JsonObject, JsonValue

MOST_LEVELS = 64
MOST_CHARACTERS = 262_144
# Python refuses to write longer integers (`sys.set_int_max_str_digits`).
_MOST_BITS = 14_000
_NODE = 8  # what a number, a list or an object counts beside its characters


def storable_text(text: str) -> str:
    """Replace NUL (by U+FFFD) and lone surrogates (by a question mark)."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def storable_json(value: JsonValue, *, characters: int = MOST_CHARACTERS) -> JsonValue:
    """Return `value` as JSON that can be stored and read again; total, whatever comes in.

    Numbers that are not finite and values that are not JSON become text. What lies more than 64
    levels deep, or beyond `characters` in all, is replaced by a note.
    """
    return _Copy(characters).of(value, MOST_LEVELS)


def storable_object(value: JsonObject) -> JsonObject:
    """Return `storable_json` of an object, which is an object again."""
    copy: JsonObject = storable_json(value)
    return copy


class _Copy:
    """One copy of a document; `room` is how many characters it may still take."""

    def __init__(self, room: int) -> None:
        self._room = room

    def of(self, value: object, levels: int) -> JsonValue:
        """Copy one value, which may nest `levels` deep."""
        if isinstance(value, str):
            return self._text(value)
        self._room -= _NODE
        if value is None or isinstance(value, bool) or _is_number(value):
            return value
        if isinstance(value, (dict, list, tuple)) and not levels:
            return "[nested too deep]"
        if isinstance(value, dict):
            return self._object(value, levels)
        if isinstance(value, (list, tuple)):
            return self._list(value, levels)
        return self._text("[a number too long]" if isinstance(value, int) else str(value))

    def _text(self, text: str) -> str:
        kept = storable_text(text[: max(self._room, 0)])
        self._room -= len(text)
        return kept if self._room >= 0 else f"{kept}[cut]"

    def _object(self, value: dict[object, object], levels: int) -> JsonObject:
        copy: JsonObject = {}
        for name, member in value.items():
            if self._room < 0:
                copy["[cut]"] = len(value) - len(copy)
                break
            key = self._text(str(name))
            copy[key] = self.of(member, levels - 1)
        return copy

    def _list(self, value: list[object] | tuple[object, ...], levels: int) -> list[JsonValue]:
        copy: list[JsonValue] = []
        for member in value:
            if self._room < 0:
                copy.append(f"[{len(value) - len(copy)} cut]")
                break
            copy.append(self.of(member, levels - 1))
        return copy


def _is_number(value: object) -> bool:
    """Tell whether a value is a number that JSON, PostgreSQL and Python can all write."""
    if isinstance(value, int):
        return value.bit_length() <= _MOST_BITS
    return isinstance(value, float) and math.isfinite(value)
