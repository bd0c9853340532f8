"""Contents of every channel type but e-mail, from template and scope."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.http import HttpTemplate
from domain.channels.types import ChannelType
from domain.kit.errors import InvalidParams
from domain.kit.shapes import read_shape
from templating.limits import Limits, LiquidError
from templating.messages.render import RENDERERS, render_content

SCOPE: dict[str, Any] = {
    "recipient": {"name": "Rosa", "phone_number": "+100"},
    "data": {"n": 2, "xss": "<img src=x onerror=alert(1)>**b**", "line": "a\r\nX-Evil: 1"},
}


def render(channel_type: ChannelType, template: Any, settings: Any = None) -> Any:
    """Render with the common scope."""
    return render_content(channel_type, template, SCOPE, settings=settings or {})


def test_sms() -> None:
    """A text message goes to the recipient's number unless the template names another."""
    template: dict[str, Any] = {"text_body": "Hi {{ recipient.name }}"}
    expected = {"to": "+100", "body": "Hi Rosa", "overrides": {}}
    assert render(ChannelType.SMS, template) == expected
    template |= {
        "settings": {"to_number": "+2{{ data.n }}", "payload_overrides": '{"a": {{ data.n }}}'}
    }
    content = render(ChannelType.SMS, template, {"payload_overrides": '{"b": 1}'})
    assert (content["to"], content["overrides"]) == ("+22", {"a": 2})


def test_channel_overrides_apply_without_those_of_the_template() -> None:
    """Without overrides of its own a template takes those of the channel."""
    content = render(ChannelType.PUSH, {"title": "t"}, {"payload_overrides": '{"b": 1}'})
    assert content["overrides"] == {"b": 1}


def test_push() -> None:
    """A push has title and body, a silent one neither."""
    template = {
        "title": "T{{ data.n }}",
        "text_body": "B",
        "settings": {"delivery_type": "content"},
    }
    shown = {"title": "T2", "body": "B", "silent": False, "overrides": {}}
    assert render(ChannelType.PUSH, template) == {**shown, "data": SCOPE["data"]}
    template["settings"] = {"delivery_type": "silent"}
    silent = {"title": "", "body": "", "silent": True, "overrides": {}}
    assert render(ChannelType.PUSH, template) == {**silent, "data": SCOPE["data"]}


def test_push_carries_the_data_whole() -> None:
    """Applications get what the trigger said, however deep or long, but for files."""
    data = {"foo": {"bar": [21, None], "baz": False}, "url": "https://x.example/" + "y" * 300}
    scope = {**SCOPE, "data": {**data, "attachments": [{"name": "a.txt", "content": "YQ=="}]}}
    content = render_content(ChannelType.PUSH, {"title": "t"}, scope, settings={})
    assert content["data"] == data


@pytest.mark.parametrize("much", [["ä" * 2_100], [[] for _ in range(1_400)], [1] * 1_000_000])
def test_push_leaves_out_what_no_vendor_takes(much: Any) -> None:
    """Of data that is too large for a notification it carries what the message keeps."""
    scope = {**SCOPE, "data": {"much": much, "n": 1, "text": "y" * 300}}
    content = render_content(ChannelType.PUSH, {"title": "t"}, scope, settings={})
    assert content["data"] == {"n": 1, "text": "y" * 256}


def test_push_measures_the_whole_notification() -> None:
    """Long texts and overrides leave less room; what has none is left out, not refused."""
    scope = {**SCOPE, "data": {"n": 1, "deep": {"text": "x" * 2_000}}}
    for more, carried in (("", scope["data"]), ("y" * 2_000, {"n": 1}), ("y" * 4_000, {})):
        overridden = {"settings": {"payload_overrides": f'{{"a": "{more}"}}'}}
        for template in ({"title": "t", "text_body": more}, {"title": "t", **overridden}):
            content = render_content(ChannelType.PUSH, template, scope, settings={})
            assert content["data"] == carried


def test_chat() -> None:
    """A chat message keeps its Markdown; a JSON body has to be an object."""
    template = {"markdown_body": "**{{ recipient.name }}**", "json_body": None, "summary": None}
    expected = {"summary": None, "markdown": "**Rosa**", "json_content": None}
    assert render(ChannelType.CHAT, template) == expected
    template["json_body"] = '{"blocks": [{{ data.n }}]}'
    assert render(ChannelType.CHAT, template)["json_content"] == {"blocks": [2]}
    with pytest.raises(LiquidError, match="json_body: does not render to a JSON object"):
        render(ChannelType.CHAT, {**template, "json_body": "[1]"})
    with pytest.raises(LiquidError, match="json_body: does not render to JSON"):
        render(ChannelType.CHAT, {**template, "json_body": '{"a": {{ data.xss }}}'})


def test_feed_blocks_of_a_standard_item() -> None:
    """A standard item has body and link, each with source and rendering."""
    template = {"markdown_body": "**{{ data.n }}**", "action_url": "https://x.example/{{ data.n }}"}
    assert render(ChannelType.IN_APP_FEED, template)["blocks"] == [
        {
            "name": "body",
            "type": "markdown",
            "content": "**{{ data.n }}**",
            "rendered": "<p><strong>2</strong></p>\n",
        },
        {
            "name": "action_url",
            "type": "text",
            "content": "https://x.example/{{ data.n }}",
            "rendered": "https://x.example/2",
        },
    ]


def test_feed_buttons_replace_the_link() -> None:
    """With buttons an item has no link; the buttons are called primary and secondary."""
    template = {
        "markdown_body": "x",
        "action_url": "https://x.example",
        "action_buttons": [
            {"label": "Go {{ data.n }}", "action": "/go"},
            {"label": "No", "action": "javascript:alert(1)"},
        ],
    }
    blocks = render(ChannelType.IN_APP_FEED, template)["blocks"]
    assert [block["name"] for block in blocks] == ["body", "actions"]
    assert blocks[1]["buttons"] == [
        {"name": "primary", "label": "Go 2", "action": "/go"},
        {"name": "secondary", "label": "No", "action": ""},
    ]


def test_feed_body_cannot_carry_scripts() -> None:
    """What a user's data smuggles into a feed item's HTML is made harmless."""
    rendered = render(ChannelType.IN_APP_FEED, {"markdown_body": "{{ data.xss }}"})["blocks"][0][
        "rendered"
    ]
    assert "onerror" not in rendered
    assert "<strong>b</strong>" in rendered


def test_http() -> None:
    """A webhook request is rendered part by part, and no part but the body has several lines."""
    template = {
        "method": "post",
        "url": "https://x.example/{{ data.n }}",
        "headers": [{"key": "X-Line", "value": "{{ data.line }}"}, {"key": "", "value": "x"}],
        "query_params": [{"key": "n", "value": "{{ data.n }}"}],
        "body": '{"n":\n{{ data.n }}}',
    }
    assert render(ChannelType.HTTP, template) == {
        "method": "post",
        "url": "https://x.example/2",
        "headers": [{"key": "X-Line", "value": "a X-Evil: 1"}],
        "query_params": [{"key": "n", "value": "2"}],
        "body": '{"n":\n2}',
    }
    assert render(ChannelType.HTTP, {**template, "method": "get"})["body"] == ""


@pytest.mark.parametrize("method", ["brew", "POST", " post", None, 5, ["post"]])
def test_a_method_is_one_that_a_template_may_be_saved_with(method: Any) -> None:
    """A template is judged alike when it is saved and when it is rendered."""
    template = {"method": method, "url": "https://x.example"}
    with pytest.raises(InvalidParams):
        read_shape(HttpTemplate, template)
    with pytest.raises(LiquidError, match="method"):
        render(ChannelType.HTTP, template)


def test_every_channel_type_is_rendered() -> None:
    """The table of renderers has every channel type."""
    assert set(RENDERERS) == set(ChannelType)


def test_errors_name_the_field_and_line() -> None:
    """A failing field is named with the line inside it."""
    with pytest.raises(LiquidError) as caught:
        render(ChannelType.SMS, {"text_body": "a\n{{ 'x' | from_json }}"})
    assert caught.value.field == "text_body"
    assert caught.value.at == (2, 10)
    assert str(caught.value).startswith("text_body: from_json")
    assert str(caught.value).endswith("(line 2, column 10)")


def test_one_message_has_one_budget() -> None:
    """Many small fields together may not cost more than one message is allowed."""
    template = {
        "method": "get",
        "url": "x",
        "headers": [{"key": "{{ a }}", "value": "{{ a }}"}] * 30,
    }
    with pytest.raises(LiquidError, match="too many steps"):
        render_content(ChannelType.HTTP, template, {}, settings={}, limits=Limits(steps=50))
