"""Workflow documents: what is accepted, what is refused, and what is stored of them."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.authored import ChannelTypes
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.kit.stored import content_sha
from domain.workflows import TriggerFrequency, check_workflow, normalise_workflow
from domain.workflows.steps import raw_steps
from tests.support.steps import feed_step, when, workflow

STEP = feed_step()
_WINDOW = "goal_attachment.attribution_window_days"


def _document(**changes: Any) -> JsonObject:
    return workflow("Plain", **changes)


def _fields(raw: Any, key: str = "plain") -> list[str]:
    with pytest.raises(InvalidParams) as caught:
        check_workflow(raw, key)
    return [error.field for error in caught.value.errors]


def test_a_small_document_gets_the_documented_defaults() -> None:
    """Name and steps are enough; everything else has a default."""
    definition = check_workflow(_document(), "plain")

    assert (definition.key, definition.name, definition.description) == ("plain", "Plain", None)
    assert (definition.categories, definition.tags, definition.conditions) == ((), (), None)
    assert definition.settings.is_commercial is definition.settings.override_preferences is False
    assert definition.trigger_frequency is TriggerFrequency.EVERY_TRIGGER
    assert [step.ref for step in definition.steps] == ["feed_1"]


def test_a_full_document_is_read_as_a_whole() -> None:
    """Every supported field arrives in the definition."""
    definition = check_workflow(
        _document(
            description="What it is for",
            categories=["billing"],
            tags=["money"],
            conditions={"all": [{"variable": "data.a", "operator": "exists"}]},
            settings={"is_commercial": True},
            trigger_frequency="once_per_recipient",
            trigger_data_json_schema={"type": "object"},
        ),
        "plain",
    )

    assert definition.description == "What it is for"
    assert (definition.categories, definition.tags) == (("billing",), ("money",))
    assert definition.conditions is not None
    assert definition.settings.is_commercial is True
    assert definition.settings.override_preferences is False
    assert definition.trigger_frequency is TriggerFrequency.ONCE_PER_RECIPIENT
    assert definition.trigger_data_json_schema == {"type": "object"}


@pytest.mark.parametrize("key", ["abc", "a" * 255, "a_b-9"])
def test_keys_of_3_to_255_plain_characters_are_accepted(key: str) -> None:
    """A key has 3 to 255 of a-z, 0-9, underscore and hyphen."""
    assert check_workflow(_document(), key).key == key


@pytest.mark.parametrize("key", ["ab", "a" * 256, "Abc", "a b c", "abc\n", "äbc", ""])
def test_other_keys_are_refused(key: str) -> None:
    """Anything else in a key is a violation at `key`."""
    assert _fields(_document(), key) == ["key"]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": None}, ["name"]),
        ({"name": "  "}, ["name"]),
        ({"name": "x" * 256}, ["name"]),
        ({"name": 5}, ["name"]),
        ({"description": "x" * 281}, ["description"]),
        ({"description": []}, ["description"]),
        ({"categories": "billing"}, ["categories"]),
        ({"categories": ["ok", 5, ""]}, ["categories[1]", "categories[2]"]),
        ({"tags": ["x" * 256]}, ["tags[0]"]),
        ({"conditions": []}, ["conditions"]),
        (
            {"conditions": when("refs.feed_1.status", "less_than", "$message.seen")},
            ["conditions.all[0].variable"],
        ),
        ({"settings": "yes"}, ["settings"]),
        ({"settings": {"is_commercial": "yes"}}, ["settings.is_commercial"]),
        ({"trigger_frequency": "now and then"}, ["trigger_frequency"]),
        ({"trigger_data_json_schema": []}, ["trigger_data_json_schema"]),
        ({"steps": {}}, ["steps"]),
        ({"steps": [{"type": "nonsense", "ref": "a"}]}, ["steps[0].type"]),
        ({"steps": [STEP, STEP]}, ["steps[1].ref"]),
    ],
)
def test_a_wrong_field_is_named(changes: JsonObject, fields: list[str]) -> None:
    """Each violation is reported at its own path."""
    assert _fields(_document(**changes)) == fields


def test_all_violations_are_reported_at_once() -> None:
    """An author sees everything that is wrong in one answer."""
    raw = {"name": "", "description": 5, "steps": [{"type": "channel"}], "categories": 1}

    fields = _fields(raw, "No Key")

    assert fields[:4] == ["key", "name", "description", "categories"]
    assert any(field.startswith("steps[0].") for field in fields)


def test_a_goal_is_attached_with_its_window() -> None:
    """A week, unless something else is said."""
    assert check_workflow(_document(goal_attachment={"goal_key": "sale"}), "key").goal_key == "sale"
    stored = normalise_workflow(_document(goal_attachment={"goal_key": "sale"}))
    assert stored["goal_attachment"] == {"goal_key": "sale", "attribution_window_days": 7}
    for attachment, place in (
        ({}, "goal_attachment.goal_key"),
        ("sale", "goal_attachment"),
        ({"goal_key": "sale", "attribution_window_days": 31}, _WINDOW),
        ({"goal_key": "sale", "attribution_window_days": 0}, _WINDOW),
    ):
        assert _fields(_document(goal_attachment=attachment)) == [place]


@pytest.mark.parametrize("raw", [None, [], "text", 5])
def test_what_is_no_object_is_refused(raw: Any) -> None:
    """A workflow is a JSON object."""
    assert _fields(raw) == ["workflow"]


def test_what_a_client_adds_is_not_stored() -> None:
    """File paths, `$schema`, read-only and unknown fields of Knock's CLI are dropped."""
    step = {**STEP, "template": {"markdown_body": "Hello", "markdown_body@": "feed.md"}}
    pushed = _document(
        steps=[step],
        key="plain",
        active=True,
        valid=True,
        sha="abc",
        environment="development",
        created_at="2026-01-01T00:00:00Z",
        something_new=1,
        **{"$schema": "https://example.com/schema.json", "__readonly": {"key": "plain"}},
    )

    assert normalise_workflow(pushed) == normalise_workflow(_document())


def test_the_schema_of_trigger_data_is_stored_untouched() -> None:
    """Inside the JSON Schema, `$schema` and names that end in @ belong to its author."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"a@": {}}}

    assert (
        normalise_workflow(_document(trigger_data_json_schema=schema))["trigger_data_json_schema"]
        == schema
    )


def test_normalising_twice_changes_nothing() -> None:
    """Stored content is canonical."""
    once = normalise_workflow(_document(conditions={}, settings=None))

    assert normalise_workflow(once) == once


def test_webhook_is_stored_as_http() -> None:
    """Knock's guides say `webhook` for the channel type that its API calls `http`."""
    content = normalise_workflow(_document(steps=[{**STEP, "channel_type": "webhook"}]))

    assert content["steps"][0]["channel_type"] == "http"


@pytest.mark.parametrize(
    ("channels", "key"),
    [
        ({"guides": "in_app_guide", "mail": "email"}, "guides"),
        ({"guides": "in_app_guide", "others": "in_app_guide"}, None),
        ({"mail": "email"}, None),
    ],
)
def test_a_step_that_names_a_guide_is_on_the_channel_of_guides(
    channels: dict[str, str], key: str | None
) -> None:
    """Knock's CLI writes no channel there; one that is written, or a group, stays."""
    step = {"type": "channel", "ref": "g", "channel_type": "in_app_guide", "guide_key": "tour"}
    groups = {"channel_group_key": "all"}
    steps = [step, {**step, "channel_key": "own"}, {**step, **groups}]
    content = normalise_workflow(_document(steps=steps), ChannelTypes(channels=channels))

    assert [each.get("channel_key") for each in content["steps"]] == [key, "own", None]


def test_the_hash_ignores_the_order_of_keys_and_nothing_else() -> None:
    """Two documents have one hash exactly when they are equal."""
    assert content_sha({"a": 1, "b": [1, 2]}) == content_sha({"b": [1, 2], "a": 1})
    assert content_sha({"b": [1, 2]}) != content_sha({"b": [2, 1]})
    assert content_sha({"a": 1}) != content_sha({"a": "1"})


def test_steps_in_branches_are_walked_in_depth() -> None:
    """Every step is found under its own path, what is no step is passed over."""
    steps = [
        {"type": "branch", "branches": [{"steps": [{"ref": "a"}, 5]}, None, {"steps": None}]},
        {"ref": "b"},
    ]

    assert [path for path, _ in raw_steps(steps)] == [
        "steps[0]",
        "steps[0].branches[0].steps[0]",
        "steps[1]",
    ]
