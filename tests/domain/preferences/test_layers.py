"""Several preference sets make one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.preferences.layers import Layers, laid_over, merged

_FLAGS = st.booleans() | st.none()
_MAPS = st.dictionaries(st.sampled_from(["email", "sms", "push"]), _FLAGS)
_MARKED = st.builds(
    lambda members, mark: {**members, **mark},
    st.fixed_dictionaries({}, optional={"channel_types": _MAPS, "channels": _MAPS}),
    st.sampled_from([{}, {"__strategy__": "replace"}, {"__strategy__": "merge"}]),
)
_NODES = st.dictionaries(st.sampled_from(["a", "b"]), _FLAGS | _MARKED)
_SETS = st.fixed_dictionaries(
    {}, optional={"channel_types": _MAPS, "categories": _NODES, "workflows": _NODES}
)


def has_null(value: Any) -> bool:
    """Tell whether something in a set is null."""
    return value is None or (isinstance(value, dict) and any(map(has_null, value.values())))


@given(_SETS)
def test_nothing_over_a_set_leaves_what_it_says(one: Any) -> None:
    """An empty set changes nothing, and what is null says nothing."""
    alone = merged(one)
    assert merged(one, {}) == merged({}, one) == merged(one, None) == alone
    assert merged(alone, alone) == alone
    assert not has_null(alone)


@given(_SETS, _SETS)
def test_what_is_said_above_wins_unless_what_is_below_replaces(below: Any, above: Any) -> None:
    """A flag of the upper set is the flag of the result, unless it lies under a marked node."""
    result = merged(below, above)
    for section in ("categories", "workflows"):
        for key, node in above.get(section, {}).items():
            lower = merged(below).get(section, {}).get(key)
            if isinstance(lower, dict) and lower.get("__strategy__") == "replace":
                assert result[section][key] == lower
            elif isinstance(node, bool):
                assert result[section][key] is node
            elif node is not None:
                assert result[section][key] == laid_over(
                    lower if isinstance(lower, dict) else {}, node
                )


@given(_SETS, _SETS, _SETS)
def test_layers_are_merged_from_the_bottom(low: Any, middle: Any, high: Any) -> None:
    """Three layers are the lowest two, and the third over them."""
    assert merged(low, middle, high) == merged(merged(low, middle), high)


@pytest.mark.parametrize(
    ("below", "above", "result"),
    [
        (
            {"a": True},
            {"a": {"channel_types": {"sms": False}}},
            {"a": {"channel_types": {"sms": False}}},
        ),
        ({"a": {"channel_types": {"sms": False}}}, {"a": True}, {"a": True}),
        ({"a": {"conditions": [1, 2]}}, {"a": {"conditions": [3]}}, {"a": {"conditions": [3]}}),
        (
            {"a": {"conditions": [1]}},
            {"a": {"channel_types": {"sms": True}}},
            {"a": {"conditions": [1], "channel_types": {"sms": True}}},
        ),
    ],
)
def test_how_two_forms_of_a_node_are_merged(below: Any, above: Any, result: Any) -> None:
    """Flags and objects replace one another, and so do lists of conditions."""
    assert merged({"categories": below}, {"categories": above}) == {"categories": result}


def test_a_mark_of_the_lowest_layer_holds_through_all() -> None:
    """What the environment replaces, neither tenant nor recipient change."""
    marked = {"channel_types": {"__strategy__": "replace", "email": False}}
    assert merged(
        marked,
        {"channel_types": {"__strategy__": "replace", "email": True}},
        {"channel_types": {"email": True}},
    ) == marked  # fmt: skip


@pytest.mark.parametrize(
    ("layers", "set_id"),
    [
        (Layers(), "default"),
        (Layers(tenant_id="acme"), "default"),
        (Layers(tenant_id="acme", own={"default": {}}), "default"),
        (Layers(tenant_id="acme", own={"acme": {}}), "acme"),
        (Layers(tenant_id="acme", tenant={}), "acme"),
        (Layers(own={"acme": {}}), "default"),
    ],
)
def test_which_set_of_a_recipient_counts(layers: Layers, set_id: str) -> None:
    """That of the tenant, once tenant or recipient have one for it, even an empty one."""
    assert layers.set_id == set_id


def test_the_complete_set_lets_through_what_nobody_has_named() -> None:
    """Templates see that whoever said nothing gets everything."""
    layers = Layers(environment={"channel_types": {"sms": False}}, own={"default": {}})
    complete = layers.complete()
    assert complete["id"] == "default"
    assert complete["channel_types"]["sms"] is False
    assert complete["channel_types"]["email"] is True
    assert layers.resolved() == {"channel_types": {"sms": False}}


@pytest.mark.parametrize(
    ("layers", "value"),
    [
        (Layers(), None),
        (Layers(environment={"commercial_subscribed": False}), False),
        (
            Layers(
                environment={"commercial_subscribed": False},
                own={"default": {"commercial_subscribed": True}},
            ),
            True,
        ),
        (
            Layers(
                environment={"commercial_subscribed": True},
                tenant_id="acme",
                tenant={"commercial_subscribed": False},
                own={"default": {"commercial_subscribed": None}},
            ),
            False,
        ),
        (Layers(tenant_id="acme", own={"acme": {"commercial_subscribed": False}}), None),
    ],
)
def test_who_says_whether_commercial_messages_are_taken(layers: Layers, value: Any) -> None:
    """The recipient's `default` set, else the tenant's default, else the environment's."""
    assert layers.commercial() is value
