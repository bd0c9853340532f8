"""Steps: what a definition must have, with every violation at its place."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.types import ChannelType
from domain.kit.durations import Duration, DurationUnit
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.workflows.send_windows import SendWindow
from domain.workflows.steps import (
    ChannelStep,
    DelaySettings,
    DelayStep,
    parse_steps,
)
from tests.support.steps import CHANNEL_KEYS, channel_step, delay_step

TEMPLATES: dict[str, dict[str, Any]] = {
    "email": {"subject": "Hi", "html_body": "<p>Hi</p>", "settings": {"layout_key": "default"}},
    "in_app_feed": {
        "markdown_body": "**Hi**",
        "action_url": None,
        "action_buttons": [{"label": "Go", "action": "/go"}],
    },
    "sms": {"text_body": "Hi", "settings": None},
    "push": {"title": "Hi", "text_body": "there", "settings": {"delivery_type": "content"}},
    "chat": {"markdown_body": "Hi", "json_body": None, "summary": "Hi"},
    "http": {
        "method": "post",
        "url": "https://example.com",
        "headers": [{"key": "a", "value": ""}],
        "query_params": [],
        "body": None,
    },
}
DELAY = delay_step("d")
# Liquid without an output of its own.
TAGS = {"width": "{% if data.is_wide %}600px{% endif %}"}
CONDITION = {"variable": "data.a", "operator": "exists"}


def channel(kind: str = "email", /, **changes: Any) -> JsonObject:
    """Make a valid channel step with a template that uses much, with changes."""
    return channel_step("step_1", kind, **{"template": TEMPLATES[kind], **changes})


def fields_of(*steps: Any) -> list[str]:
    """Return the fields of all violations."""
    with pytest.raises(InvalidParams) as refusal:
        parse_steps(list(steps))
    return [error.field for error in refusal.value.errors]


def message_of(step: Any) -> str:
    """Return the message of the only violation."""
    with pytest.raises(InvalidParams) as refusal:
        parse_steps([step])
    (error,) = refusal.value.errors
    return error.message


@pytest.mark.parametrize("channel_type", list(TEMPLATES))
def test_a_channel_step_of_every_type(channel_type: str) -> None:
    """Every channel type has its template, kept as it was written."""
    (step,) = parse_steps([channel(channel_type)])

    assert step == ChannelStep(
        ref="step_1",
        channel_type=ChannelType(channel_type),
        channel_key=CHANNEL_KEYS[channel_type],
        template=TEMPLATES[channel_type],
    )


def test_common_fields_and_windows_are_kept() -> None:
    """A step keeps its name, description, conditions, overrides and send windows."""
    raw = channel(
        name="Mail",
        description="To the reader",
        conditions={"all": [CONDITION]},
        channel_overrides={"to_address": "{{ data.to }}", "link_tracking": True},
        send_windows=[{"day": "monday", "type": "send", "from": "09:00"}],
        unknown="ignored",
    )

    (step,) = parse_steps([raw])

    assert isinstance(step, ChannelStep)
    assert (step.name, step.description) == ("Mail", "To the reader")
    assert step.conditions is not None
    assert step.channel_overrides == raw["channel_overrides"]
    assert step.send_windows == (SendWindow(0, True, 9 * 3600),)


def test_webhook_is_another_name_of_http() -> None:
    """The older channel type `webhook` is read as `http`."""
    (step,) = parse_steps([channel("http", channel_type="webhook")])

    assert isinstance(step, ChannelStep)
    assert step.channel_type is ChannelType.HTTP


@pytest.mark.parametrize("template", [None, {}])
def test_a_webhook_step_may_use_its_channels_request(template: Any) -> None:
    """Only webhook steps may leave the template out."""
    (step,) = parse_steps([channel("http", template=template)])

    assert isinstance(step, ChannelStep)
    assert step.template == {}
    assert "steps[0].template" in fields_of(channel("sms", template=None))
    assert fields_of(channel("sms", template={})) == ["steps[0].template.text_body"]


def test_a_webhook_step_has_no_overrides() -> None:
    """Webhook steps know no channel overrides, so what is there is an unknown field."""
    (step,) = parse_steps([channel("http", channel_overrides="whatever")])

    assert isinstance(step, ChannelStep)
    assert step.channel_overrides is None


@pytest.mark.parametrize(
    ("channel_type", "missing"),
    [
        ("email", ["subject", "html_body"]),
        ("in_app_feed", ["markdown_body"]),
        ("sms", ["text_body"]),
        ("push", ["text_body"]),
        ("chat", ["markdown_body"]),
        ("http", ["url", "method"]),
    ],
)
def test_required_template_fields(channel_type: str, missing: list[str]) -> None:
    """Every channel type names the fields that its template must have."""
    raw = channel(channel_type, template={"other": 1})

    assert fields_of(raw) == [f"steps[0].template.{name}" for name in missing]


@pytest.mark.parametrize(
    ("template", "faults"),
    [
        ({"visual_blocks": []}, []),
        ({"html_body": "<p>", "visual_blocks": None, "is_mjml": True}, []),
        ({"html_body": "<p>", "visual_blocks": []}, ["visual_blocks"]),
        ({"visual_blocks": [{"content": "x"}]}, ["visual_blocks[0].type"]),
        ({"visual_blocks": [{"type": "video"}]}, ["visual_blocks[0].type"]),
        ({"visual_blocks": [{"type": "markdown"}]}, ["visual_blocks[0].content"]),
        (
            {"visual_blocks": [{"type": "button_set", "buttons": [{"variant": "flat"}]}]},
            ["visual_blocks[0].buttons[0].label", "visual_blocks[0].buttons[0].variant"],
        ),
        (
            {"visual_blocks": [{"type": "image", "url": "x", "style_attrs": {"width": "wide"}}]},
            ["visual_blocks[0].style_attrs.width"],
        ),
        (
            {
                "visual_blocks": [
                    {
                        "type": "image",
                        "url": "x",
                        "style_attrs": {"width": "{% if a %}9{% endif %}"},
                    }
                ]
            },
            [],
        ),
        (
            {"visual_blocks": [{"type": "divider", "layout_attrs": {"padding_top": -1}}]},
            ["visual_blocks[0].layout_attrs.padding_top"],
        ),
    ],
)
def test_bodies_of_emails(template: Any, faults: list[str]) -> None:
    """An e-mail has one body; every fault in its blocks is told at its place."""
    raw = channel(template={"subject": "x", **template})
    if not faults:
        parse_steps([raw])
        return
    assert fields_of(raw) == [f"steps[0].template.{fault}" for fault in faults]


def test_an_email_needs_a_body() -> None:
    """An e-mail template without any body is incomplete."""
    assert fields_of(channel(template={"subject": "x"})) == ["steps[0].template.html_body"]


def test_a_silent_push_needs_no_text() -> None:
    """A silent push carries data only."""
    (step,) = parse_steps([channel("push", template={"settings": {"delivery_type": "silent"}})])

    assert isinstance(step, ChannelStep)


@pytest.mark.parametrize(
    ("channel_type", "changes", "fields"),
    [
        ("email", {"subject": 5}, ["subject"]),
        ("email", {"settings": "x"}, ["settings"]),
        ("email", {"settings": {"layout_key": 1}}, ["settings.layout_key"]),
        ("email", {"visual_blocks": {}, "is_mjml": "yes"}, ["is_mjml", "visual_blocks"]),
        ("in_app_feed", {"action_buttons": [{"label": "x"}]}, ["action_buttons[0].action"]),
        ("in_app_feed", {"action_buttons": ["x"]}, ["action_buttons[0]"]),
        ("in_app_feed", {"action_url": 1}, ["action_url"]),
        ("sms", {"settings": {"to_number": 49}}, ["settings.to_number"]),
        ("push", {"settings": {"delivery_type": "loud"}}, ["settings.delivery_type"]),
        ("push", {"settings": {"payload_overrides": {}}}, ["settings.payload_overrides"]),
        ("chat", {"json_body": {}}, ["json_body"]),
        ("http", {"method": "fetch"}, ["method"]),
        ("http", {"headers": [{"key": "a"}], "body": {}}, ["headers[0].value", "body"]),
        ("http", {"query_params": "a=b"}, ["query_params"]),
    ],
)
def test_wrong_template_fields(
    channel_type: str, changes: dict[str, Any], fields: list[str]
) -> None:
    """A template field of the wrong kind is refused at its place."""
    raw = channel(channel_type, template={**TEMPLATES[channel_type], **changes})

    assert fields_of(raw) == [f"steps[0].template.{name}" for name in fields]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"ref": None}, ["ref"]),
        ({"ref": ""}, ["ref"]),
        ({"ref": "a.b"}, ["ref"]),
        ({"ref": 5}, ["ref"]),
        ({"ref": "x" * 256}, ["ref"]),
        ({"name": 5, "description": []}, ["name", "description"]),
        (
            {"conditions": {"all": [{}]}},
            ["conditions.all[0].variable", "conditions.all[0].operator"],
        ),
        ({"conditions": [CONDITION]}, ["conditions"]),
        ({"channel_key": None}, ["channel_key"]),
        ({"channel_key": ""}, ["channel_key"]),
        ({"channel_key": 5}, ["channel_key"]),
        ({"channel_key": None, "channel_group_key": 5}, ["channel_group_key"]),
        ({"channel_key": None, "channel_group_key": ""}, ["channel_key"]),
        ({"channel_group_key": "all"}, ["channel_key"]),
        ({"channel_type": None}, ["channel_type"]),
        ({"channel_type": "fax"}, ["channel_type"]),
        ({"channel_type": ["email"]}, ["channel_type"]),
        ({"channel_type": "in_app_guide"}, ["guide_key"]),
        ({"channel_type": "in_app_guide", "guide_key": "x" * 256}, ["guide_key"]),
        ({"template": "Hi"}, ["template"]),
        ({"channel_overrides": []}, ["channel_overrides"]),
        ({"channel_overrides": {"to_address": 1}}, ["channel_overrides.to_address"]),
        ({"channel_overrides": {"open_tracking": "no"}}, ["channel_overrides.open_tracking"]),
        ({"send_windows": [{"day": "monday"}]}, ["send_windows[0].type"]),
    ],
)
def test_wrong_channel_steps(changes: dict[str, Any], fields: list[str]) -> None:
    """Every field of a channel step is judged, and refused at its place."""
    assert fields_of(channel(**changes)) == [f"steps[0].{name}" for name in fields]


@pytest.mark.parametrize("key", [None, ""])
def test_a_step_names_a_channel_or_a_group(key: str | None) -> None:
    """A channel group stands in the place of a channel."""
    (step,) = parse_steps([channel(channel_key=key, channel_group_key="all")])

    assert isinstance(step, ChannelStep)
    assert (step.channel_key, step.channel_group_key) == ("", "all")


@pytest.mark.parametrize("step_type", ["if_else", "Channel", 5, ["delay"], {}])
def test_unknown_step_types(step_type: Any) -> None:
    """Anything else is an unknown step type."""
    assert message_of({"type": step_type, "ref": "x"}).startswith("unknown step type")


def test_refs_are_unique() -> None:
    """A ref that an earlier step has is refused at the later one, even beside other errors."""
    fields = fields_of(DELAY, {**DELAY, "ref": "e"}, DELAY, {"type": "if_else", "ref": "d"})

    assert fields == ["steps[3].type", "steps[2].ref", "steps[3].ref"]


def test_all_violations_of_all_steps_are_collected() -> None:
    """One refusal names what is wrong with every step, in order."""
    fields = fields_of(
        channel(ref=None, channel_key=None, template={}),
        "not a step",
        {"type": "delay", "ref": "d", "settings": {}},
        {},
    )

    assert fields == [
        "steps[0].ref",
        "steps[0].channel_key",
        "steps[0].template.subject",
        "steps[0].template.html_body",
        "steps[1]",
        "steps[2].settings",
        "steps[3].type",
    ]


SEEN = {
    "variable": "refs.step_1.engagement_status",
    "operator": "contains",
    "argument": "$message.seen",
}
SENT = {
    "variable": "refs.step_1.delivery_status",
    "operator": "equal_to",
    "argument": "$message.sent",
}


def test_message_conditions_follow_their_message() -> None:
    """A condition on message status needs a channel step of that ref before its own step."""
    conditions = {"any": [SENT, {"all": [CONDITION, SEEN]}]}
    later = {**DELAY, "conditions": conditions}

    assert len(parse_steps([channel(), later])) == 2
    assert fields_of(later, channel(conditions=conditions)) == [
        "steps[0].conditions.any[0].variable",
        "steps[0].conditions.any[1].all[1].variable",
        "steps[1].conditions.any[0].variable",
        "steps[1].conditions.any[1].all[1].variable",
    ]


def test_a_wrong_channel_step_still_counts_as_one() -> None:
    """A channel step with another mistake does not make later conditions wrong as well."""
    later = {**DELAY, "conditions": {"all": [SENT]}}

    assert fields_of(channel(channel_type="fax"), later) == ["steps[0].channel_type"]


@pytest.mark.parametrize("raw", [None, {}, "x"])
def test_steps_are_a_list(raw: Any) -> None:
    """Steps are a list, and the place of the list is the caller's to name."""
    with pytest.raises(InvalidParams) as refusal:
        parse_steps(raw, "workflow.steps")

    assert [error.field for error in refusal.value.errors] == ["workflow.steps"]
    assert parse_steps([]) == ()


def delay(**settings: Any) -> JsonObject:
    """Make a delay step with these settings."""
    return delay_step("d", settings=settings)


HOUR = {"unit": "hours", "value": 1}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"delay_for": HOUR}, DelaySettings(delay_for=Duration(DurationUnit.HOURS, 1))),
        (
            {"delay_for": HOUR, "delay_until_field_path": ""},
            DelaySettings(delay_for=Duration(DurationUnit.HOURS, 1)),
        ),
        (
            {"delay_for": None, "delay_until_field_path": "recipient.at"},
            DelaySettings(delay_until_field_path="recipient.at"),
        ),
        ({"delay_until_field_path": "at"}, DelaySettings(delay_until_field_path="data.at")),
        (
            {"delay_until_field_path": "event.at"},
            DelaySettings(delay_until_field_path="data.event.at"),
        ),
        (
            {"delay_until_field_path": "c[0].at"},
            DelaySettings(delay_until_field_path="data.c[0].at"),
        ),
        (
            {"delay_until_field_path": 'data["a b"][0]'},
            DelaySettings(delay_until_field_path='data["a b"][0]'),
        ),
        ({"delay_until_field_path": "vars"}, DelaySettings(delay_until_field_path="data.vars")),
        (
            {
                "delay_for": {"unit": "days", "value": -1},
                "delay_until_field_path": "data.at",
            },
            DelaySettings(
                delay_for=Duration(DurationUnit.DAYS, -1), delay_until_field_path="data.at"
            ),
        ),
    ],
)
def test_delay_settings(settings: dict[str, Any], expected: DelaySettings) -> None:
    """A delay is fixed, dynamic, or both; a path without a known root is one into `data`."""
    assert parse_steps([delay(**settings)]) == (DelayStep(ref="d", settings=expected),)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, ""),
        ({"delay_for": None, "delay_until_field_path": None}, ""),
        ({"delay_for": 5}, ".delay_for"),
        ({"delay_for": {"unit": "days", "value": 366}}, ".delay_for.value"),
        ({"delay_for": {"unit": "days", "value": -1}}, ".delay_for.value"),
        ({"delay_until_field_path": 5}, ".delay_until_field_path"),
        ({"delay_until_field_path": "data..at"}, ".delay_until_field_path"),
        ({"delay_until_field_path": "data.a b"}, ".delay_until_field_path"),
    ],
)
def test_wrong_delay_settings(settings: dict[str, Any], field: str) -> None:
    """A delay without any target, or with a wrong one, is refused at its place."""
    assert fields_of(delay(**settings)) == [f"steps[0].settings{field}"]


@pytest.mark.parametrize("settings", [None, "x", []])
def test_a_delay_needs_settings(settings: Any) -> None:
    """The settings of a delay are an object that must be there."""
    assert fields_of({"type": "delay", "ref": "d", "settings": settings}) == ["steps[0].settings"]


def test_a_workflow_has_a_most_of_steps() -> None:
    """A definition of 500 steps is accepted, one with more is refused as a whole."""
    steps = [delay_step(f"wait_{number}") for number in range(501)]
    assert len(parse_steps(steps[:500])) == 500
    with pytest.raises(InvalidParams, match="must have at most 500 steps"):
        parse_steps(steps)
