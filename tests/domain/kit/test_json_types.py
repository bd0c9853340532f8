"""How a value is written as JSON and read, and how many bytes that takes."""

from __future__ import annotations

import json

import pytest

from domain.kit.json_types import JsonValue, decoded, encoded, encoded_size


def _nested(depth: int) -> JsonValue:
    value: JsonValue = "end"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"name": "Zoë \U0001f600", "n": [1, -2.5, True, {}]},
        '\n\t\x01\x7f\u2028 \\ "quoted"',
        10**300,
        _nested(64),
        _nested(300),
    ],
)
def test_a_value_has_the_size_of_its_compact_json(value: JsonValue) -> None:
    """In UTF-8, without spaces and needless escapes, however large or deep."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert encoded_size(value) == len(text.encode())
    assert json.loads(encoded(value)) == value


def test_half_a_character_is_written() -> None:
    """What UTF-8 does not have stays what it is, for PostgreSQL to refuse."""
    assert encoded("a\ud800").decode(errors="surrogatepass") == '"a\ud800"'


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Zo\\u00eb \\ud83d\\ude00", "n": [1, -2.5, true, null, {}], "n": 2}',
        json.dumps(10**300),
        "123456789012345678901234567890.5",
        "1e-400",
        "1e400",
        json.dumps(_nested(64)),
        json.dumps(_nested(300)),
    ],
)
def test_stored_json_is_read_as_ever(text: str) -> None:
    """By whichever library: the same values of the same types, however large or deep."""
    assert repr(decoded(text.encode())) == repr(json.loads(text))
