"""Reusable requests as documents: what may be written, and what is read of what is stored."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.reusable_request import REUSABLE_REQUEST
from domain.kit.authored import ChannelTypes
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from tests.support.steps import reusable_request, when


def normalised(document: Any) -> JsonObject:
    """Return what is stored of a document."""
    return REUSABLE_REQUEST.normalise(document, ChannelTypes())


def refused(document: Any, key: str = "find-user") -> list[str]:
    """Return the places of what is wrong in a document."""
    with pytest.raises(InvalidParams) as refusal:
        REUSABLE_REQUEST.check(normalised(document), key)
    return [error.field for error in refusal.value.errors]


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"url": None}, ["settings.url"]),
        ({"url": 5, "method": "head"}, ["settings.method", "settings.url"]),
        ({"headers": [{"key": "a"}]}, ["settings.headers[0]"]),
        ({"query_params": "a=b"}, ["settings.query_params"]),
        ({"response_path": "a..b"}, ["settings.response_path"]),
        ({"data_input_schema": [1]}, ["settings.data_input_schema"]),
        ({"data_input_values_str": "{"}, ["settings.data_input_values_str"]),
        ({"data_input_values_str": "[1]"}, ["settings.data_input_values_str"]),
        ({"data_input_values_str": {"a": 1}}, ["settings.data_input_values_str"]),
    ],
)
def test_what_is_refused_of_a_request(changes: JsonObject, places: list[str]) -> None:
    """Every violation stands at its place."""
    assert refused(reusable_request(**changes)) == places


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"name": " "}, ["name"]),
        ({"type": "sql"}, ["type"]),
        ({"settings": None}, ["settings"]),
        ({"settings": "x"}, ["settings"]),
        ({"description": "x" * 281}, ["description"]),
        ({"conditions": {"all": [{"variable": "x"}]}}, ["conditions.all[0].variable"]),
        (
            {"conditions": when("refs.mail.delivery_status", "equal_to", "$message.sent")},
            ["conditions.all[0].variable"],
        ),
    ],
)
def test_what_is_refused_around_a_request(changes: JsonObject, places: list[str]) -> None:
    """Conditions cannot ask for messages of steps: many workflows send the request."""
    found = refused({**reusable_request(), **changes})
    assert found[: len(places)] == places


@pytest.mark.parametrize("key", ["ab", "Find", "a b", "x" * 256])
def test_keys(key: str) -> None:
    """A key has 3 to 255 characters of a-z, 0-9, `_` and `-`."""
    assert refused(reusable_request(), key) == ["key"]


def test_what_may_be_left_out() -> None:
    """A URL is enough; nulls, as the CLI writes them, are as good as nothing."""
    whole = {
        "name": None,
        "description": None,
        "type": None,
        "settings": {"url": "x", "method": None, "headers": None, "data_input_values_str": " "},
        "conditions": {},
    }
    least = {"settings": {"url": "x", "data_input_values_str": " "}}
    assert normalised(whole) == normalised(least)
    assert normalised(least)["settings"]["method"] == "get"
    assert REUSABLE_REQUEST.check(normalised(whole), "find").preview_inputs() == {}


def test_a_schema_is_kept_as_it_is() -> None:
    """The keys that the CLI keeps for itself elsewhere belong to a JSON Schema."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"a@": {}}}
    content = normalised(reusable_request(data_input_schema=schema))

    assert content["settings"]["data_input_schema"] == schema
    assert REUSABLE_REQUEST.takes(content) == schema
    document = REUSABLE_REQUEST.check(content, "find")
    assert list(REUSABLE_REQUEST.schemas(document)) == [("settings.data_input_schema", schema)]


def test_what_is_rendered() -> None:
    """Every part of the request is told as a template, with its place."""
    document = REUSABLE_REQUEST.check(
        normalised(
            reusable_request(headers=[{"key": "a", "value": "b"}], body="{}", signing_key="k")
        ),
        "find",
    )
    assert [template.place for template in REUSABLE_REQUEST.templates(document)] == [
        "settings.url",
        "settings.headers[0].key",
        "settings.headers[0].value",
        "settings.body",
        "settings.signing_key",
    ]


@pytest.mark.parametrize(
    "stored", [None, {}, {"settings": {"url": 5}}, {"settings": {"url": None}}]
)
def test_what_cannot_be_read_has_a_problem(stored: Any) -> None:
    """Nothing that is stored is refused; a run that sends it is told what is wrong."""
    document = REUSABLE_REQUEST.read(stored, "find")
    assert document.settings is None
    assert document.problem


def test_what_was_stored_with_looser_checks_is_read() -> None:
    """Preview inputs that are none, and headers that cannot be pairs, spoil nothing beside them."""
    document = REUSABLE_REQUEST.read(
        {"settings": {"url": "x", "headers": [5], "data_input_values_str": "{"}}, "find"
    )
    assert document.settings is not None
    assert document.preview_inputs() == {}
