"""What triggers and cancels may say, and where it is told that they say it wrong."""

from __future__ import annotations

from typing import Any

import pytest

from api.knock.triggers.schemas import NotifyCancelIn, NotifyIn
from domain.kit.errors import InvalidParams
from domain.recipients.refs import RecipientRef
from domain.triggers.requests import (
    MAX_DATA_BYTES,
    MAX_RECIPIENTS,
    CancelIn,
    TriggerIn,
    parse_cancel_request,
    parse_trigger_request,
)


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, ["recipients"]),
        ({"recipients": None}, ["recipients"]),
        ({"recipients": []}, ["recipients"]),
        ({"recipients": ["u"] * (MAX_RECIPIENTS + 1)}, ["recipients"]),
        (
            {"recipients": ["u", 1, "a/b", {}]},
            [f"recipients{at}" for at in ("[1]", "[2]", "[3].id")],
        ),
        ({"recipients": [{"id": "o", "collection": "a/b"}]}, ["recipients[0].collection"]),
        ({"recipients": [{"id": "", "collection": "c"}]}, ["recipients[0].id"]),
        ({"recipients": ["u"], "actor": 1, "tenant": 1}, ["actor", "tenant"]),
        ({"recipients": ["u"], "cancellation_key": ""}, ["cancellation_key"]),
        ({"recipients": ["u"], "cancellation_key": "k" * 256}, ["cancellation_key"]),
        ({"recipients": ["u"], "data": [1], "settings": 1}, ["data", "settings"]),
        ({"recipients": ["u"], "settings": {"skip_delay": "yes"}}, ["settings.skip_delay"]),
    ],
)
def test_every_violation_is_told_at_its_place(body: dict[str, Any], places: list[str]) -> None:
    """All of them at once, in the order of the request."""
    with pytest.raises(InvalidParams) as refused:
        parse_trigger_request("flow", body)
    assert [error.field for error in refused.value.errors] == places


def test_what_is_not_a_recipient_is_told_in_words() -> None:
    """The message names the forms that there are."""
    with pytest.raises(InvalidParams) as refused:
        parse_trigger_request("flow", {"recipients": [None], "tenant": []})
    assert [error.message for error in refused.value.errors] == [
        "must be a user id, an object reference or an inline recipient",
        "must be a tenant id or an inline tenant",
    ]


def test_every_recipient_that_is_too_large_is_told() -> None:
    """The size of what is said about a recipient is a violation at that recipient."""
    large = {"note": "x" * 300_000}
    body = {"recipients": [{"id": "a", **large}, {"id": "b"}, {"id": "c", **large}]}
    with pytest.raises(InvalidParams) as refused:
        parse_trigger_request("flow", body)
    assert [error.field for error in refused.value.errors] == ["recipients[0]", "recipients[2]"]


def test_several_mentions_of_a_recipient_are_one() -> None:
    """What they say is combined, in the order of the request."""
    body = {"recipients": [{"id": "a", "x": 1}, "b", {"id": "a", "y": 2}, "a"]}
    first, second = parse_trigger_request("flow", body).recipients
    assert (first.ref, first.properties) == (RecipientRef.user("a"), {"x": 1, "y": 2})
    assert (second.ref, second.properties) == (RecipientRef.user("b"), None)


def test_a_reference_stores_nothing() -> None:
    """An object, a tenant or a user by id and collection is only referred to."""
    refs = [RecipientRef("projects", "p"), RecipientRef("$tenants", "t"), RecipientRef.user("u")]
    body = {"recipients": [{"id": ref.id, "collection": ref.collection} for ref in refs]}
    found = parse_trigger_request("flow", body).recipients
    assert [(entry.ref, entry.properties) for entry in found] == [(ref, None) for ref in refs]


def test_settings_keep_what_is_switched_on() -> None:
    """False and null are as if nothing had been said; other settings are ignored."""
    settings = {"sandbox_mode": False, "skip_delay": True, "unknown": True}
    assert parse_trigger_request("flow", {"recipients": ["u"], "settings": settings}).settings == {
        "skip_delay": True
    }


def test_data_is_measured_where_the_body_may_exceed_it() -> None:
    """More than 10 MB of data is refused; a large body with little data is not."""
    people = [{"id": f"u{n}", "note": "x" * 200_000} for n in range(60)]
    assert parse_trigger_request("flow", {"recipients": people, "data": {"x": 1}}).data_bytes < 10
    with pytest.raises(InvalidParams, match="10 MB"):
        parse_trigger_request("flow", {"recipients": ["u"], "data": {"x": "x" * MAX_DATA_BYTES}})


def test_a_cancel_names_a_key_and_perhaps_recipients() -> None:
    """Without recipients it holds for all; an empty list is nobody."""
    assert parse_cancel_request("flow", {"cancellation_key": "k"}).recipients is None
    assert (
        parse_cancel_request("flow", {"cancellation_key": "k", "recipients": []}).recipients == ()
    )
    with pytest.raises(InvalidParams) as refused:
        parse_cancel_request("flow", {"recipients": "all"})
    assert [error.field for error in refused.value.errors] == ["cancellation_key", "recipients"]


def test_the_older_forms_tell_their_violations_together() -> None:
    """A name and an actor have to be there, and the key may be spelled with one l."""
    with pytest.raises(InvalidParams) as refused:
        NotifyIn.read({"recipients": ["u"], "cancelation_key": ""})
    places = {error.field for error in refused.value.errors}
    assert places == {"name", "actor", "cancellation_key"}
    cancel = {"name": "flow", "cancellation_key": None, "cancelation_key": "k"}
    assert NotifyCancelIn.read(cancel).cancellation_key == "k"


@pytest.mark.parametrize("shape", [TriggerIn, CancelIn, NotifyIn, NotifyCancelIn])
def test_the_document_limits_the_key_as_the_code_does(shape: type[TriggerIn]) -> None:
    """A cancellation key has 1 to 255 characters."""
    document = shape.model_json_schema()["properties"]["cancellation_key"]
    (text,) = (one for one in document.get("anyOf", [document]) if one["type"] == "string")
    assert (text["minLength"], text["maxLength"]) == (1, 255)
