"""Whether a recipient's preferences let a message pass."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conditions import ConditionScope, Verdict
from domain.preferences.layers import Layers
from domain.preferences.verdict import Subject, commercial_preference, judge, preferences_for

_X = "a0c857a3-1995-441d-af5d-2944437e219b"
_NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
_VALUES: dict[str, Any] = {"recipient": {"muted": ["m1"]}, "data": {"id": "m1", "n": 1}}
_MUTED = {"variable": "recipient.muted", "operator": "not_contains", "argument": "data.id"}
_HOLDS = {"variable": "data.n", "operator": "equal_to", "argument": "1"}


def subject(*categories: str, channel_type: str = "email") -> Subject:
    """Describe a message of workflow `w` on channel X."""
    return Subject("w", categories, _X, channel_type)


def verdict(
    layers: Layers, about: Subject | None = None, *, is_commercial: bool = False, **scope: Any
) -> Verdict:
    """Judge what counts among layers, as a channel step does."""
    found = preferences_for(layers.resolved(), about or subject())
    if is_commercial:
        found = commercial_preference(layers.commercial()) + found
    return judge(found, ConditionScope(_VALUES, _NOW, **scope))


def own(**said: Any) -> Layers:
    """Describe a recipient whose `default` set says something."""
    return Layers(own={"default": said})


def on_behalf(*, tenant: Any = None, theirs: Any = None, **said: Any) -> Layers:
    """Describe a recipient of a run on behalf of a tenant."""
    sets = {"default": said, "acme": theirs}
    return Layers(
        tenant_id="acme", tenant=tenant, own={k: v for k, v in sets.items() if v is not None}
    )


@pytest.mark.parametrize(
    ("layers", "about", "passed"),
    [
        pytest.param(Layers(), None, True, id="none"),
        pytest.param(
            own(categories={"c": False}, workflows={"w": True}),
            subject("c"),
            False,
            id="category off, workflow on",
        ),
        pytest.param(
            own(channel_types={"email": False}, channels={_X: True}),
            None,
            True,
            id="channel on, its type off",
        ),
        pytest.param(
            own(channel_types={"email": False}, channels={_X[::-1]: True}),
            None,
            False,
            id="another channel on, the type off",
        ),
        pytest.param(
            Layers(
                environment={"channel_types": {"sms": False}},
                own={"default": {"channel_types": {"sms": True}}},
            ),
            subject(channel_type="sms"),
            True,
            id="environment off, recipient on",
        ),
        pytest.param(
            on_behalf(tenant={"categories": {"r": True}}, theirs={"categories": {"r": False}}),
            subject("r"),
            False,
            id="tenant on, recipient off for it",
        ),
        pytest.param(
            on_behalf(tenant={}, channel_types={"email": False}),
            None,
            True,
            id="the default set does not count beside a tenant's default",
        ),
        pytest.param(
            on_behalf(channel_types={"email": False}),
            None,
            False,
            id="the default set counts where nothing is said for the tenant",
        ),
        pytest.param(
            on_behalf(
                tenant={
                    "categories": {
                        "c": {"__strategy__": "replace", "channel_types": {"email": False}}
                    }
                },
                theirs={"categories": {"c": {"channel_types": {"email": True}}}},
            ),
            subject("c"),
            False,
            id="the tenant replaces",
        ),
        pytest.param(
            own(categories={"a": True, "b": False}), subject("a", "b"), False, id="two categories"
        ),
        pytest.param(
            own(commercial_subscribed=False), None, True, id="unsubscribed, not commercial"
        ),
        pytest.param(own(workflows={"w": {"conditions": [_MUTED]}}), None, False, id="muted"),
        pytest.param(own(workflows={"w": {"conditions": [_HOLDS]}}), None, True, id="holds"),
        pytest.param(
            own(categories={"c": {"conditions": [_HOLDS], "channel_types": {"email": False}}}),
            subject("c"),
            False,
            id="conditions hold, the type is off",
        ),
        pytest.param(
            own(channel_types={"email": {"conditions": [_HOLDS, _MUTED]}}), None, False, id="all"
        ),
    ],
)
def test_a_2_verdicts(layers: Layers, about: Subject | None, passed: bool) -> None:
    """Every preference that exists has to be on; what nobody has said is on."""
    assert verdict(layers, about).passed is passed


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param(on_behalf(tenant={}, commercial_subscribed=False), id="on behalf of a tenant"),
        pytest.param(own(commercial_subscribed={"conditions": [_MUTED]}), id="by conditions"),
    ],
)
def test_a_2_who_is_unsubscribed_gets_nothing_commercial(layers: Layers) -> None:
    """Whoever has unsubscribed, by a switch or by conditions."""
    assert verdict(layers, is_commercial=True).passed is False


def test_the_trace_names_every_preference_that_has_a_say() -> None:
    """In the order of judging; what stands behind the first that is off is not evaluated."""
    layers = own(
        commercial_subscribed=True,
        channel_types={"email": True, "sms": False},
        categories={"c": {"conditions": [_MUTED], "channels": {_X: True}}, "other": False},
        workflows={"w": True},
    )
    found = verdict(layers, subject("c"), is_commercial=True)
    assert [(line["preference"], line["result"]) for line in found.trace] == [
        ("commercial_subscribed", "true"),
        ("channel_types.email", "true"),
        ("categories.c", "false"),
        (f"categories.c.channels.{_X}", "not_evaluated"),
        ("workflows.w", "not_evaluated"),
    ]
    (condition,) = found.trace[2]["conditions"]
    assert (condition["variable"], condition["argument_value"]) == ("recipient.muted", "m1")


def test_a_condition_that_cannot_be_judged_is_off() -> None:
    """A recipient's own mistake fails no run; the trace says what is wrong."""

    def broken(_text: str) -> str:
        raise ValueError("no such filter")

    condition = {"variable": "data.n", "operator": "equal_to", "argument": "{{ 1 | x }}"}
    found = verdict(own(channel_types={"email": {"conditions": [condition]}}), render=broken)
    assert not found.passed
    assert "no such filter" in found.trace[0]["error"]


_NAMES = ["channel_types", "channels", "categories", "workflows", "w", "c", "email", _X]
_NAMES += ["conditions", "__strategy__", "variable", "operator"]
_JUNK: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(_NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["channel_types", "categories", "workflows"]), _JUNK))
def test_stored_sets_of_any_form_are_judged(stored: Any) -> None:
    """What cannot be read has no say, or is off; nothing is refused."""
    found = verdict(Layers(environment=stored, own={"default": stored}), subject("c"))
    assert found.passed is all(line["result"] == "true" for line in found.trace)


@given(st.lists(st.booleans(), min_size=1, max_size=5))
def test_one_that_is_off_is_enough(flags: list[bool]) -> None:
    """Whatever the others say."""
    categories = {f"c{index}": flag for index, flag in enumerate(flags)}
    assert verdict(own(categories=categories), subject(*categories)).passed is all(flags)
