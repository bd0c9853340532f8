"""What requests say about preferences."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.shapes import read_shape
from domain.preferences.requests import (
    ChannelTypesIn,
    NodeEntryIn,
    NodesIn,
    PreferenceSetIn,
    SwitchEntryIn,
)

_CHANNEL = "a0c857a3-1995-441d-af5d-2944437e219b"
_MUTED = {"variable": "recipient.muted", "operator": "not_contains", "argument": "data.id"}


def content(raw: Any) -> Any:
    """Read a preference set, and return what of it is stored."""
    return read_shape(PreferenceSetIn, raw).content()


def violations(shape: Any, raw: Any) -> dict[str, str]:
    """Return what is wrong, by place."""
    with pytest.raises(InvalidParams) as caught:
        read_shape(shape, raw)
    return {error.field: error.message for error in caught.value.errors}


def test_every_form_of_a_set_is_kept_as_it_was_written() -> None:
    """Flags, conditions, nodes, strategies and nulls are all part of a set."""
    given = {
        "channel_types": {"email": False, "sms": {"conditions": [_MUTED]}, "push": None},
        "channels": {_CHANNEL: True, "__strategy__": "replace"},
        "categories": {"strategy": False, "a.b": {"channel_types": {"email": True}}},
        "workflows": {
            "w": {"__strategy__": "merge", "channels": {}, "conditions": [_MUTED]},
            "x": {"conditions": None, "channel_types": None},
        },
        "commercial_subscribed": {"conditions": []},
    }
    assert content(given) == given


def test_what_a_client_sends_back_is_no_part_of_it() -> None:
    """Its id, how it is to be stored, and unknown members are left out; channel ids are small."""
    given = {
        "id": "default",
        "__typename": "PreferenceSet",
        "__persistence_strategy__": "merge",
        "channels": {_CHANNEL.upper(): False},
        "channel_types": {"pigeon": True},
    }
    assert content(given) == {"channels": {_CHANNEL: False}, "channel_types": {}}
    assert read_shape(PreferenceSetIn, given).persistence == "merge"


def test_an_empty_list_is_an_empty_object() -> None:
    """PHP writes one for the other."""
    given: Any = {"channel_types": [], "channels": [], "categories": [], "workflows": {"w": {}}}
    assert content(given) == {
        "channel_types": {}, "channels": {}, "categories": {}, "workflows": {"w": {}},
    }  # fmt: skip


def test_older_clients_send_null_for_what_they_do_not_say() -> None:
    """Ruby's and Python's do."""
    given: Any = {"channel_types": None, "categories": None, "workflows": {"w": True}}
    assert content(given) == given


def test_every_violation_is_at_its_place() -> None:
    """All of them are told at once, each once."""
    given: Any = {
        "__persistence_strategy__": "shred",
        "channel_types": {"email": 1, "sms": {"conditions": 5}, "push": {}, "__strategy__": "x"},
        "channels": {"junk": True, _CHANNEL: "no"},
        "categories": {"": True, "a": 1, "b": {"channel_types": 5, "channels": {_CHANNEL: 7}}},
        "workflows": {"w": {"conditions": [{"variable": "data.x"}, 3]}},
        "commercial_subscribed": "yes",
    }
    flag = "must be true, false or an object with conditions"
    assert violations(PreferenceSetIn, given) == {
        "__persistence_strategy__": "must be one of: merge, replace",
        "channel_types.__strategy__": "must be one of: merge, replace",
        "channel_types.email": flag,
        "channel_types.push.conditions": "is required",
        "channel_types.sms.conditions": "must be a list of conditions",
        "channels.junk": "is not a channel id",
        f"channels.{_CHANNEL}": flag,
        "categories.": "must not be empty",
        "categories.a": "must be true, false or an object of preferences",
        "categories.b.channel_types": "must be an object",
        f"categories.b.channels.{_CHANNEL}": flag,
        "workflows.w.conditions[0].operator": violations(
            PreferenceSetIn, {"workflows": {"w": {"conditions": [{"variable": "data.x"}]}}}
        )["workflows.w.conditions[0].operator"],
        "workflows.w.conditions[1]": "must be an object with variable, operator and argument",
        "commercial_subscribed": flag,
    }


def test_conditions_of_preferences_ask_for_no_messages() -> None:
    """What became of earlier messages is not available to them (Knock docs)."""
    status = {"variable": "refs.mail.delivery_status", "operator": "equal_to"}
    given = {"workflows": {"w": {"conditions": [{**status, "argument": "$message.sent"}]}}}
    assert violations(PreferenceSetIn, given) == {
        "workflows.w.conditions[0].variable": "preferences cannot refer to the status of messages"
    }


def test_maps_of_a_set_are_read_alone() -> None:
    """The older operations take a map of a set as their whole body."""
    assert read_shape(NodesIn, {"a": False, "content": True}).content() == {
        "a": False,
        "content": True,
    }
    assert list(violations(NodesIn, {"a": 1, "b": {"conditions": {}}})) == ["a", "b.conditions"]
    assert read_shape(ChannelTypesIn, {"sms": True}).content() == {"sms": True}


@pytest.mark.parametrize(
    ("raw", "entry"),
    [
        ({"subscribed": False}, False),
        ({"subscribed": True}, True),
        (
            {"subscribed": True, "channel_types": {"email": False}},
            {"channel_types": {"email": False}},
        ),
        ({"subscribed": False, "channel_types": {"email": True}}, False),
        (
            {"channel_types": {"email": True}, "conditions": None},
            {"channel_types": {"email": True}},
        ),
        ({"conditions": [_MUTED]}, {"conditions": [_MUTED]}),
        ({"__strategy__": "replace", "channels": {}}, {"__strategy__": "replace", "channels": {}}),
    ],
)
def test_an_entry_is_a_flag_unless_more_is_said(raw: Any, entry: Any) -> None:
    """`subscribed` alone is the flag, and false wins over all that is said beside it."""
    assert read_shape(NodeEntryIn, raw).entry() == entry


def test_an_entry_of_a_channel_type_says_something() -> None:
    """It is a flag or conditions."""
    assert read_shape(SwitchEntryIn, {"subscribed": True}).entry() is True
    assert read_shape(SwitchEntryIn, {"conditions": []}).entry() == {"conditions": []}
    with pytest.raises(InvalidParams, match="subscribed"):
        read_shape(SwitchEntryIn, {}).entry()
