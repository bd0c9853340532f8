"""Partials: what a document must be, and what its fields make of odd values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.fields import read_fields, typed_inputs
from domain.content.partial import PARTIAL
from domain.kit.authored import TemplateFile
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PART = {"type": "text", "key": "p", "label": None}
URL = {"type": "url", "key": "u", "label": None}
FIELDS: list[JsonObject] = [
    {"type": "text", "key": "text", "label": "T", "settings": {"max_length": 5}},
    {"type": "textarea", "key": "textarea", "label": "T"},
    {"type": "markdown", "key": "markdown", "label": "T"},
    {"type": "url", "key": "url", "label": "T"},
    {"type": "color", "key": "color", "label": "T", "settings": {"default": "#fff"}},
    {"type": "boolean", "key": "boolean", "label": "T"},
    {"type": "number", "key": "number", "label": "T", "settings": {"min": 1, "max": 2.5}},
    {"type": "select", "key": "select", "label": "T", "settings": {"options": [{"value": "a"}]}},
    {"type": "multi_select", "key": "multi", "label": "T", "settings": {"default": ["a"]}},
    {"type": "button", "key": "button", "label": "T", "text": PART, "action": PART},
    {"type": "image", "key": "image", "label": "T", "url": URL, "alt": PART, "action": PART},
    {"type": "json", "key": "json", "label": "T", "settings": {"schema": {"type": "object"}}},
    {"type": "list", "key": "list", "label": "T", "settings": {"item_schema": {}}},
]
TYPES: dict[str, Any] = {
    "boolean": bool,
    "number": (int, float),
    "multi": list,
    "list": list,
    "button": dict,
    "image": dict,
}


def _document(**changes: Any) -> JsonObject:
    return {"name": "Card", "type": "html", "content": "<p>{{ a }}</p>", **changes}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": ""}, ["name"]),
        ({"type": None}, ["type"]),
        ({"type": "mjml"}, ["type"]),
        ({"content": None}, ["content"]),
        ({"content": "<mj-text>x</mj-text>"}, ["content"]),
        ({"description": "x" * 281}, ["description"]),
        ({"type": "text", "input_schema": FIELDS[:1], "visual_block_enabled": True},
         ["visual_block_enabled", "input_schema"]),
        ({"input_schema": [{"type": "text"}]}, ["input_schema[0].key"]),
        ({"input_schema": [{"type": "date", "key": "a"}]}, ["input_schema[0].type"]),
        ({"input_schema": [{"type": "text", "key": "a b"}]}, ["input_schema[0].key"]),
        ({"input_schema": [FIELDS[0], FIELDS[0]]}, ["input_schema"]),
        ({"input_schema": [{"type": "button", "key": "b"}]},
         ["input_schema[0].text", "input_schema[0].action"]),
        ({"input_schema": [{"type": "color", "key": "c", "settings": {"default": "blue"}}]},
         ["input_schema[0].settings.default"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(changes: JsonObject, fields: list[str]) -> None:
    """Every violation is told, at its place."""
    with pytest.raises(InvalidParams) as refused:
        PARTIAL.check(PARTIAL.normalise(_document(**changes), {}), "card")
    assert [error.field for error in refused.value.errors] == fields


def test_a_partial_tells_what_it_is() -> None:
    """Its content is Liquid and a file named by its type; its fields may have schemas."""
    document = _document(type="html", input_schema=FIELDS)
    partial = PARTIAL.check(PARTIAL.normalise(document, {}), "card")
    assert [each.place for each in PARTIAL.templates(partial)] == ["content"]
    assert list(PARTIAL.files(partial)) == [("", {"content": TemplateFile("html")})]
    assert list(PARTIAL.schemas(partial)) == [
        ("input_schema[11].settings.schema", {"type": "object"})
    ]
    assert len(partial.fields) == len(FIELDS)


def test_the_type_stays() -> None:
    """A partial of one type does not become one of another."""
    before, after = (PARTIAL.read(_document(type=kind), "card") for kind in ("html", "text"))
    with pytest.raises(InvalidParams, match="cannot be changed"):
        PARTIAL.succeed(before, after)


@given(given=st.dictionaries(st.sampled_from([field["key"] for field in FIELDS]), JSON))
def test_whatever_is_given_a_field_has_its_type(given: JsonObject) -> None:
    """No value raises; a boolean, number, list or object is one, or nothing; the rest is text."""
    typed = typed_inputs(read_fields(FIELDS), given)
    for field in FIELDS:
        value = typed[field["key"]]
        if field["key"] == "json":
            continue
        if field["key"] in TYPES:
            assert value is None or isinstance(value, TYPES[field["key"]])
        else:
            assert isinstance(value, str)


def test_fields_of_a_newer_version_are_left_out() -> None:
    """A stored field that this version does not know spoils no other."""
    assert [each.key for each in read_fields([{"type": "date", "key": "x"}, 5, FIELDS[0]])] == [
        "text"
    ]
