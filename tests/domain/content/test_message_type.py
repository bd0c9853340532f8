"""Message types: what a document must be, and what of it is read."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.message_type import MESSAGE_TYPE, PREBUILT, markdown_fields
from domain.content.values import value_errors
from domain.kit.authored import TemplateFile
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject

FIELD = {"type": "text", "key": "title", "label": "Title", "settings": {"required": True}}
DEFAULT = {"key": "default", "name": "Default", "fields": [FIELD]}


def _document(**changes: Any) -> JsonObject:
    return {
        "name": "Banner",
        "description": None,
        "preview": "<b>{{ title }}</b>",
        "variants": [DEFAULT, {"key": "wide", "name": "Wide", "fields": []}],
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": " "}, ["name"]),
        ({"preview": None}, ["preview"]),
        ({"description": "x" * 281}, ["description"]),
        ({"semver": "1.0"}, ["semver"]),
        ({"variants": []}, ["variants"]),
        ({"variants": [{"key": "wide", "name": "W"}]}, ["variants"]),
        ({"variants": [DEFAULT, DEFAULT]}, ["variants"]),
        ({"variants": [{**DEFAULT, "key": "No Key"}]}, ["variants[0].key"]),
        ({"variants": [DEFAULT, {**DEFAULT, "key": "xl"}]}, ["variants[1].key"]),
        ({"variants": [{**DEFAULT, "fields": [{"type": "text", "key": "a b"}]}]},
         ["variants[0].fields[0].key"]),
        ({"variants": [{**DEFAULT, "fields": [FIELD, FIELD]}]}, ["variants[0].fields"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(changes: JsonObject, fields: list[str]) -> None:
    """Every violation is told, at its place."""
    with pytest.raises(InvalidParams) as refused:
        MESSAGE_TYPE.check(MESSAGE_TYPE.normalise(_document(**changes), {}), "banner")
    assert [error.field for error in refused.value.errors] == fields


def test_what_is_left_out_has_a_default() -> None:
    """A message type begins with one variant without fields, at version 0.0.1."""
    content = MESSAGE_TYPE.normalise(_document(variants=None), {})
    message_type = MESSAGE_TYPE.check(content, "banner")
    assert [(each.key, each.fields) for each in message_type.variants] == [("default", ())]
    assert content["semver"] == "0.0.1"


def test_a_message_type_tells_what_it_is() -> None:
    """Its preview is Liquid and a file, its fields may have schemas."""
    schema = {"type": "json", "key": "j", "label": "J", "settings": {"schema": {"type": "object"}}}
    document = _document(variants=[{**DEFAULT, "fields": [FIELD, schema]}])
    message_type = MESSAGE_TYPE.check(MESSAGE_TYPE.normalise(document, {}), "banner")
    assert [each.place for each in MESSAGE_TYPE.templates(message_type)] == ["preview"]
    assert list(MESSAGE_TYPE.files(message_type)) == [("", {"preview": TemplateFile("html")})]
    assert list(MESSAGE_TYPE.schemas(message_type)) == [
        ("variants[0].fields[1].settings.schema", {"type": "object"})
    ]


def test_what_cannot_be_read_spoils_nothing() -> None:
    """Variants and fields of a newer version are left out."""
    stored = _document(variants=[5, {"key": "default"}, {**DEFAULT, "fields": [FIELD, {"x": 1}]}])
    (variant,) = MESSAGE_TYPE.read(stored, "banner").variants
    assert [field.key for field in variant.fields] == ["title"]


@pytest.mark.parametrize("key", list(PREBUILT))
def test_what_every_environment_has_is_for_knocks_components(key: str) -> None:
    """They read title, body and `dismissible`, and one or two buttons by the variant."""
    variants = MESSAGE_TYPE.check(PREBUILT[key], key).variants
    more = {"banner": [], "modal": ["image"], "card": ["image"]}[key]
    first = ["headline"] if key == "card" else []
    fields = [*first, "title", "body", *more, "dismissible"]
    buttons = ["primary_button", "secondary_button"]
    assert {each.key: [field.key for field in each.fields] for each in variants} == {
        "default": fields,
        "single-action": [*fields, *buttons[:1]],
        "multi-action": [*fields, *buttons],
    }
    for variant in variants:
        assert markdown_fields({}, key, variant.key) == {"body"}
        # What `knock guide new` writes into the values may be saved as it is.
        begun: JsonObject = {"title": "", "body": "", "dismissible": False}
        begun |= {each: {"text": "", "action": ""} for each in buttons}
        assert list(value_errors(variant.fields, begun, "values")) == []
