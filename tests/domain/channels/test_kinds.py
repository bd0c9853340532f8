"""The table of channel types, and the shapes in it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.kinds import CHANNEL_KINDS, STEP_KINDS, delivery_queue
from domain.channels.types import ChannelType
from domain.contract.queues import DELIVERY_QUEUES, RUNS
from domain.kit.errors import InvalidParams
from domain.kit.shapes import read_shape

TEMPLATES: dict[ChannelType, dict[str, Any]] = {
    ChannelType.EMAIL: {"subject": "", "settings": {"layout_key": None}, "is_mjml": None},
    ChannelType.IN_APP_FEED: {"markdown_body": "", "action_buttons": None},
    ChannelType.SMS: {"text_body": "", "settings": None},
    ChannelType.PUSH: {"settings": {"delivery_type": "silent"}, "title": None},
    ChannelType.CHAT: {"markdown_body": "", "summary": None},
    ChannelType.HTTP: {"url": "", "method": "get", "headers": [], "body": None},
}


def test_the_table_is_whole() -> None:
    """Every channel type is described, under its own name, by a class of its own."""
    assert list(CHANNEL_KINDS) == list(ChannelType)
    assert all(kind.channel_type is name for name, kind in CHANNEL_KINDS.items())
    assert len({type(kind) for kind in CHANNEL_KINDS.values()}) == len(ChannelType)


def test_each_delivery_queue_is_that_of_one_channel_type() -> None:
    """Whatever needs a provider has a queue of its own; an item of a feed is shown by its run's."""
    with_provider = [kind for kind in CHANNEL_KINDS.values() if kind.needs_provider]

    assert sorted(delivery_queue(kind.channel_type) for kind in with_provider) == sorted(
        DELIVERY_QUEUES
    )
    assert delivery_queue(ChannelType.IN_APP_FEED) == RUNS
    with pytest.raises(LookupError):
        delivery_queue(ChannelType.IN_APP_GUIDE)


@pytest.mark.parametrize("channel_type", STEP_KINDS)
def test_the_least_of_a_template(channel_type: ChannelType) -> None:
    """Texts may be empty, and what may be left out may be null."""
    template = CHANNEL_KINDS[channel_type].template

    assert isinstance(read_shape(template, TEMPLATES[channel_type]), template)


@pytest.mark.parametrize(
    ("channel_type", "template", "violations"),
    [
        (ChannelType.EMAIL, {"subject": None}, {"subject": "is required"}),
        (
            ChannelType.EMAIL,
            {"subject": 5, "is_mjml": 1, "visual_blocks": {}, "settings": {"layout_key": 5}},
            {
                "subject": "must be a string",
                "is_mjml": "must be true or false",
                "visual_blocks": "must be a list",
                "settings.layout_key": "must be a string",
            },
        ),
        (
            ChannelType.SMS,
            {"settings": []},
            {"text_body": "is required", "settings": "must be an object"},
        ),
        (ChannelType.PUSH, {}, {"text_body": "is required"}),
        (
            ChannelType.PUSH,
            {"settings": {"delivery_type": "loud"}, "title": None, "text_body": ""},
            {
                "settings.delivery_type": "must be one of: content, silent",
            },
        ),
        (
            ChannelType.IN_APP_FEED,
            {"markdown_body": "", "action_buttons": ["Go", {"label": "Go", "action": None}]},
            {
                "action_buttons[0]": "must be an object",
                "action_buttons[1].action": "is required",
            },
        ),
        (ChannelType.HTTP, {"url": "x"}, {"method": "is required"}),
        (
            ChannelType.HTTP,
            {"url": "x", "method": "POST", "headers": "a=b"},
            {
                "method": "must be one of: get, post, put, delete, patch",
                "headers": "must be a list",
            },
        ),
    ],
)
def test_violations_of_templates(
    channel_type: ChannelType, template: dict[str, Any], violations: dict[str, str]
) -> None:
    """Everything that is wrong in a template is told, each at its place."""
    with pytest.raises(InvalidParams) as refusal:
        read_shape(CHANNEL_KINDS[channel_type].template, template)

    assert {error.field: error.message for error in refusal.value.errors} == violations


@pytest.mark.parametrize("channel_type", ChannelType)
def test_a_template_file_is_a_field(channel_type: ChannelType) -> None:
    """What Knock's CLI keeps in files are fields of the template; a JSON body of mails is not."""
    kind = CHANNEL_KINDS[channel_type]

    assert set(kind.template_files) - {"json_body"} <= set(kind.template.model_fields)
