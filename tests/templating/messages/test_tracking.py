"""What of a rendered message is tracked."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.types import ChannelType
from domain.kit.json_types import JsonObject
from templating.messages.render import RENDERERS, render_content
from templating.messages.tracking import track_chat_message

LINKS = {"link_tracking": True}
OPENS = {"open_tracking": True}


class Marking:
    """Makes addresses that show what they are for."""

    def long_link(self, url: str) -> str:
        """Mark a link."""
        return f"https://t/long/{url.removeprefix('https://')}"

    def short_link(self, url: str) -> str:
        """Mark a link as one with little room."""
        return f"https://t/short/{url.removeprefix('https://')}"

    def pixel(self) -> str:
        """Return an image."""
        return "https://t/dot.png"


def tracked(
    channel_type: ChannelType, template: JsonObject, settings: JsonObject, **data: Any
) -> Any:
    """Render a template and track it as its settings want."""
    scope = {"data": data, **data, "recipient": {"email": "a@example.com", "phone_number": "+1"}}
    content = render_content(channel_type, template, scope, settings=settings)
    track = RENDERERS[channel_type].track
    assert track is not None
    return track(content, settings, Marking())


EMAIL = {
    "subject": "Hi",
    "html_body": '<style>a {color: red}</style><body><p><a href="{{ data.url }}">Go</a>'
    ' <a href="https://x/stay" data-knock-no-track>Stay</a></p></body>',
}


def test_an_email() -> None:
    """Anchors are tracked after styles were inlined; the text part has the same links."""
    content = tracked(ChannelType.EMAIL, EMAIL, LINKS, url="https://x/go")
    assert 'href="https://t/long/x/go"' in content["html_body"]
    assert 'style="color: red;"' in content["html_body"]
    assert '<a href="https://x/stay"' in content["html_body"]
    assert "no-track" not in content["html_body"]
    assert content["text_body"] == "Go (https://t/long/x/go) Stay (https://x/stay)"
    assert "<img" not in content["html_body"]


def test_the_text_of_an_email() -> None:
    """A text part of one's own is tracked, too; subject and addresses are not."""
    template = {**EMAIL, "subject": "https://x", "text_body": "Go: https://x/text."}
    content = tracked(ChannelType.EMAIL, template, LINKS, url="https://x/go")
    assert content["text_body"] == "Go: https://t/long/x/text."
    assert content["subject_line"] == "https://x"


def test_openings_of_an_email() -> None:
    """The image stands at the end of the body, and links are left alone."""
    content = tracked(ChannelType.EMAIL, EMAIL, OPENS, url="https://x/go")
    html = content["html_body"]
    assert html.index("https://t/dot.png") < html.index("</body>")
    assert 'href="https://x/go"' in html
    assert "https://t" not in content["text_body"]


@pytest.mark.parametrize("settings", [{}, {"link_tracking": False}, {"link_tracking": None}])
def test_nothing_is_tracked_by_default(settings: JsonObject) -> None:
    """Only what is switched on is done; the attribute then means nothing, and stays."""
    content = tracked(ChannelType.EMAIL, EMAIL, settings, url="https://x/go")
    assert "https://t" not in content["html_body"] + content["text_body"]


def test_a_text_message() -> None:
    """Links in text messages are short."""
    content = tracked(ChannelType.SMS, {"text_body": "Go: https://x/1, bye"}, LINKS)
    assert content["body"] == "Go: https://t/short/x/1, bye"
    untouched = tracked(ChannelType.SMS, {"text_body": "Go: https://x/1, bye"}, {})
    assert untouched["body"] == "Go: https://x/1, bye"


def test_a_feed_item() -> None:
    """The body is tracked; action and buttons are not, which the client tells of."""
    template = {
        "markdown_body": "See [this](https://x/1), https://x/2 and"
        ' <a href="https://x/3" data-knock-no-track>that</a>',
        "action_buttons": [{"label": "Go", "action": "https://x/4"}],
    }
    body, actions = tracked(ChannelType.IN_APP_FEED, template, LINKS)["blocks"]
    assert 'href="https://t/long/x/1"' in body["rendered"]
    assert 'href="https://t/long/x/2" rel="noopener noreferrer">https://x/2<' in body["rendered"]
    assert 'href="https://x/3"' in body["rendered"]
    assert actions["buttons"][0]["action"] == "https://x/4"
    template = {"markdown_body": "x", "action_url": "https://x/5"}
    assert tracked(ChannelType.IN_APP_FEED, template, LINKS)["blocks"][1]["rendered"] == (
        "https://x/5"
    )


def test_a_chat_message() -> None:
    """Markdown of chats has short links."""
    template = {"markdown_body": "[Go](https://x/1) or https://x/2"}
    content = tracked(ChannelType.CHAT, template, LINKS)
    assert content["markdown"] == (
        "[Go](https://t/short/x/1) or [https://x/2](https://t/short/x/2)"
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (  # Slack
            '{"blocks": [{"type": "actions", "elements": [{"type": "button", "url": "https://x/1",'
            ' "value": "https://x/v"}]}]}',
            {
                "blocks": [
                    {
                        "type": "actions",
                        "elements": [
                            {
                                "type": "button",
                                "url": "https://t/short/x/1",
                                "value": "https://x/v",
                            }
                        ],
                    }
                ]
            },
        ),
        (
            '{"text": {"type": "mrkdwn", "text": "<https://x/1|Go> https://x/2"}}',
            {"text": {"type": "mrkdwn", "text": "<https://t/short/x/1|Go> https://x/2"}},
        ),
        (
            '{"type": "link", "url": "https://x/1"}',
            {"type": "link", "url": "https://t/short/x/1", "text": "https://x/1"},
        ),
        ('{"type": "image", "image_url": "https://x/1"}', None),
        ('{"type": "Image", "url": "https://x/1"}', None),  # Microsoft Teams
        (
            '{"type": "Image", "selectAction": {"type": "Action.OpenUrl", "url": "https://x/1"}}',
            {
                "type": "Image",
                "selectAction": {"type": "Action.OpenUrl", "url": "https://t/short/x/1"},
            },
        ),
        (  # Discord
            '{"embeds": [{"url": "https://x/1", "image": {"url": "https://x/2"}}]}',
            {"embeds": [{"url": "https://t/short/x/1", "image": {"url": "https://x/2"}}]},
        ),
    ],
)
def test_a_chat_document(document: str, expected: JsonObject | None) -> None:
    """Links to follow are tracked wherever they are; images and values of buttons are not."""
    template = {"markdown_body": "x", "json_body": document}
    content = tracked(ChannelType.CHAT, template, LINKS)
    untouched = tracked(ChannelType.CHAT, template, {})["json_content"]
    assert content["json_content"] == (untouched if expected is None else expected)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"type": "text", "text": {"body": "See https://x/1."}},
            {"type": "text", "text": {"body": "See https://t/short/x/1."}},
        ),
        (
            {
                "template": {
                    "components": [{"parameters": [{"type": "text", "text": "https://x/1"}]}]
                }
            },
            {
                "template": {
                    "components": [
                        {"parameters": [{"type": "text", "text": "https://t/short/x/1"}]}
                    ]
                }
            },
        ),
        (
            {
                "action": {
                    "name": "cta_url",
                    "parameters": {"display_text": "a", "url": "https://x/1"},
                }
            },
            {
                "action": {
                    "name": "cta_url",
                    "parameters": {"display_text": "a", "url": "https://t/short/x/1"},
                }
            },
        ),
        (
            {"image": {"link": "https://x/1", "caption": "[a](https://x/2)"}},
            {"image": {"link": "https://x/1", "caption": "[a](https://x/2)"}},
        ),
    ],
)
def test_a_message_to_a_phone(document: JsonObject, expected: JsonObject) -> None:
    """WhatsApp has no Markdown: addresses in its texts become short ones, as in text messages."""
    content = {
        "summary": None,
        "markdown": "Go to https://x/1 now",
        "json_content": document,
        "connection": {"phone_number": "+1555"},
    }
    found = track_chat_message(content, LINKS, Marking())
    assert found["markdown"] == "Go to https://t/short/x/1 now"
    assert found["json_content"] == expected


@pytest.mark.parametrize("channel_type", [ChannelType.PUSH, ChannelType.HTTP])
def test_types_that_have_no_tracking(channel_type: ChannelType) -> None:
    """Push and webhooks are not tracked (Knock docs: "Link and open tracking")."""
    assert RENDERERS[channel_type].track is None
