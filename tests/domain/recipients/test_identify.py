"""What requests say about recipients."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.shapes import Shape, read_shape
from domain.recipients.inline import InlineRecipient, combined, inline, inline_tenant
from domain.recipients.refs import TENANTS, RecipientRef
from domain.recipients.shapes import AnyRecipientIn, AnyTenantIn


class WithActor(Shape):
    """A request that names a recipient."""

    actor: AnyRecipientIn


class WithTenant(Shape):
    """A request that names a tenant."""

    tenant: AnyTenantIn


def actor(raw: Any) -> InlineRecipient:
    """Read a request that names a recipient."""
    return inline(read_shape(WithActor, {"actor": raw}).actor, "actor")


def tenant(raw: Any) -> InlineRecipient:
    """Read a request that names a tenant."""
    return inline_tenant(read_shape(WithTenant, {"tenant": raw}).tenant, "tenant")


_ELLIE = RecipientRef.user("ellie")
_ACME = RecipientRef(TENANTS, "acme")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ellie", InlineRecipient(_ELLIE)),
        ({"id": "ellie", "collection": "$users"}, InlineRecipient(_ELLIE)),
        ({"id": "ellie"}, InlineRecipient(_ELLIE, properties={})),
        ({"id": "ellie", "collection": None}, InlineRecipient(_ELLIE, properties={})),
        (
            {"id": "ellie", "name": None, "settings": 1, "trigger_data": 2, "$trigger_data": []},
            InlineRecipient(
                _ELLIE,
                properties={"name": None, "settings": 1, "trigger_data": 2},
                trigger_data={},
            ),
        ),
        ({"id": "1", "collection": "p"}, InlineRecipient(RecipientRef("p", "1"))),
        (
            {"id": "1", "collection": "p", "name": 5, "preferences": [], "channel_data": []},
            InlineRecipient(
                RecipientRef("p", "1"), properties={"name": 5}, preferences={}, channel_data={}
            ),
        ),
        ({"id": "acme", "collection": "$tenants"}, InlineRecipient(_ACME)),
        (
            {
                "id": "acme",
                "collection": "$tenants",
                "settings": {
                    "preference_set": {
                        "__persistence_strategy__": "replace",
                        "categories": {"news": False},
                        "id": "default",
                    }
                },
            },
            InlineRecipient(
                _ACME,
                properties={},
                settings={"preference_set": {"categories": {"news": False}}},
                replaces_preferences=True,
            ),
        ),
    ],
)
def test_every_form_of_a_recipient_is_read(raw: Any, expected: InlineRecipient) -> None:
    """A reference stores nothing; whatever says more is identified, by the form that it has."""
    assert actor(raw) == expected


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (5, ["actor"]),
        (None, ["actor"]),
        ("", ["actor"]),
        ("a/b", ["actor"]),
        ({}, ["actor.id"]),
        ({"id": "x#"}, ["actor.id"]),
        ({"id": "x", "collection": ["c"]}, ["actor.collection"]),
        ({"id": "x", "collection": "a/b"}, ["actor.collection"]),
        ({"id": "x" * 257, "collection": "c"}, ["actor.id"]),
        ({"id": "x", "blob": "x" * 300_000}, ["actor"]),
        ({"name": 5, "blob": "x" * 300_000}, ["actor", "actor.name", "actor.id"]),
        (
            {
                "id": "x",
                "collection": "$tenants",
                "settings": {"blob": "x" * 300_000, "branding": 5},
            },
            ["actor.settings", "actor.settings.branding"],
        ),
        (
            {"id": 1, "name": 2, "channel_data": {"junk": {}, "more": 1}, "$trigger_data": "x"},
            [
                "actor.channel_data.junk",
                "actor.channel_data.more",
                "actor.$trigger_data",
                "actor.name",
                "actor.id",
            ],
        ),
    ],
)
def test_every_violation_is_at_its_place(raw: Any, fields: list[str]) -> None:
    """All of them are told at once, under the path of the recipient."""
    with pytest.raises(InvalidParams) as caught:
        actor(raw)
    assert sorted(error.field for error in caught.value.errors) == sorted(fields)


def test_a_tenant_always_stores() -> None:
    """A tenant that is only named becomes a stub; what its collection says does not matter."""
    assert tenant("acme") == InlineRecipient(_ACME, properties={})
    given = {"id": "acme", "collection": 5, "settings": []}
    assert tenant(given) == InlineRecipient(_ACME, properties={}, settings={})
    with pytest.raises(InvalidParams, match="must be a tenant id or an inline tenant"):
        tenant(5)


def test_null_in_a_second_mention_takes_no_channel_data() -> None:
    """It says nothing, in whichever mention it stands."""
    channel, data = str(UUID(int=1)), {"tokens": ["t"]}
    said = actor({"id": "ellie", "channel_data": {channel: data}})
    nothing = actor({"id": "ellie", "channel_data": {channel: None}})
    assert combined(said, nothing).channel_data == {channel: data}
    assert combined(nothing, said).channel_data == {channel: data}
    assert combined(nothing, nothing).channel_data is None


def test_a_preference_set_that_replaces_leaves_nothing_of_an_earlier_mention() -> None:
    """What comes after it is merged into it."""

    def mentioned(strategy: str, **categories: bool) -> InlineRecipient:
        given = {"__persistence_strategy__": strategy, "categories": categories}
        return tenant({"id": "acme", "settings": {"branding": {}, "preference_set": given}})

    merged, replaced = mentioned("merge", news=False), mentioned("replace", offers=True)
    after, before = combined(merged, replaced), combined(replaced, merged)
    assert after.settings == {"branding": {}, "preference_set": {"categories": {"offers": True}}}
    both = {"offers": True, "news": False}
    assert before.settings == {"branding": {}, "preference_set": {"categories": both}}
    assert after.replaces_preferences
    assert before.replaces_preferences


def test_a_preference_set_may_be_of_a_tenant_with_the_longest_id() -> None:
    """Inline as by its own path."""
    sets = {"t" * 256: {"categories": {"news": False}}}
    assert actor({"id": "ellie", "preferences": sets}).preferences == sets
    with pytest.raises(InvalidParams):
        actor({"id": "ellie", "preferences": {"t" * 257: {}}})


def test_channel_data_is_limited_inline_too() -> None:
    """Whatever channel it is for: as much as its own path takes, and no more."""
    channel = str(UUID(int=1))
    for member in ("tokens", "anything"):
        with pytest.raises(InvalidParams, match="at most 256 kB") as caught:
            actor({"id": "ellie", "channel_data": {channel: {member: ["t" * 300_000]}}})
        assert [error.field for error in caught.value.errors] == [f"actor.channel_data.{channel}"]
