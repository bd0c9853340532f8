"""Whatever template and data hold, content can be stored or the step fails with a reason."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from domain.channels.types import ChannelType
from services.engine import Engine
from templating.limits import LiquidError
from templating.messages.render import render_content

NUL = "{{ 'AA==' | base64_decode }}{{ '%00' | url_decode }}"
HALF = """{{ '"\\ud83d"' | from_json }}"""
TEMPLATES: dict[ChannelType, dict[str, Any]] = {
    ChannelType.EMAIL: {
        "subject": "$",
        "html_body": "<style>p{color:red}</style><p>$</p>",
        "settings": {"preview_text": "$"},
    },
    ChannelType.SMS: {"text_body": "$", "settings": {"payload_overrides": '{"$": "$"}'}},
    ChannelType.PUSH: {"title": "$", "text_body": "$"},
    ChannelType.CHAT: {"markdown_body": "$", "summary": "$", "json_body": '{"a": "$"}'},
    ChannelType.IN_APP_FEED: {"markdown_body": "$", "action_url": "$"},
    ChannelType.HTTP: {
        "method": "post",
        "url": "https://x.example/$",
        "headers": [{"key": "X-$", "value": "$"}],
        "body": "$",
    },
}


def filled(template: Any, source: str) -> Any:
    """Return a template with a source at every place marked by a dollar."""
    if isinstance(template, str):
        return template.replace("$", source)
    if isinstance(template, list):
        return [filled(item, source) for item in template]
    if isinstance(template, dict):
        return {key: filled(item, source) for key, item in template.items()}
    return template


def render(channel_type: ChannelType, source: str, data: Any = None) -> Any:
    """Render a source at every place of a template."""
    template = filled(TEMPLATES[channel_type], source)
    return render_content(channel_type, template, {"data": data}, settings={})


@pytest.mark.parametrize("channel_type", TEMPLATES)
@pytest.mark.parametrize("source", [NUL, HALF, NUL + HALF])
async def test_odd_characters_are_stored(
    engine: Engine, channel_type: ChannelType, source: str
) -> None:
    """NUL disappears from every kind of content, and half a surrogate pair is replaced."""
    content = render(channel_type, f"a{source}b")
    await store(engine, content)
    written = json.dumps(content, ensure_ascii=False)
    assert re.search("a\ufffd?b", written)
    assert not re.search(r"[\ud800-\udfff]|\\u0000", written)


@pytest.mark.parametrize("value", ["NaN", "1e999", "-Infinity", "[" * 60 + "]" * 60, "01"])
def test_overrides_that_are_not_json_name_their_field(value: str) -> None:
    """JSON that could not be stored is the template's fault."""
    overrides = {"payload_overrides": '{"badge": {{ data }}}'}
    for template in ({"title": "t", "settings": overrides}, {"title": "t"}):
        channel = {} if "settings" in template else overrides
        with pytest.raises(LiquidError, match="payload_overrides"):
            render_content(ChannelType.PUSH, template, {"data": value}, settings=channel)


def test_json_may_be_nested_as_deep_as_its_refusal_says() -> None:
    """The JSON of a template has room for 56 levels, and its 57th is refused."""

    def body(levels: int) -> str:
        return '{"a":' * levels + "1" + "}" * levels

    content = render_content(ChannelType.CHAT, {"json_body": body(56)}, {}, settings={})
    assert content["json_content"] == json.loads(body(56))
    with pytest.raises(LiquidError, match="at most 56 levels deep"):
        render_content(ChannelType.CHAT, {"json_body": body(57)}, {}, settings={})


async def test_any_text_can_be_stored(engine: Engine) -> None:
    """Any Unicode in the data, printed by any kind of template, is stored or fails the step."""
    contents: list[Any] = []

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(list(TEMPLATES)), st.text(st.characters(codec=None), max_size=30))
    def collect(channel_type: ChannelType, text: str) -> None:
        try:
            contents.append(render(channel_type, "{{ data }}", text))
            contents.append(render(channel_type, text, ""))
        except LiquidError:
            pass

    await asyncio.to_thread(collect)
    assert len(contents) > 100
    await store(engine, contents)


async def store(engine: Engine, content: Any) -> None:
    """Let PostgreSQL read content."""
    async with engine.database.transaction() as connection:
        await connection.execute("SELECT %s::jsonb", [Jsonb(content)])


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X-A": "{{ data }}", "X-B": 1}, [("X-A", "d"), ("X-B", "1")]),
        ('{"X-A": "{{ data }}"}', [("X-A", "d")]),
        ('[{"key": "X-A", "value": "{{ data }}"}]', [("X-A", "d")]),
        ("{{ nothing }}", []),
        (None, []),
    ],
)
def test_headers_in_every_form(headers: Any, expected: Any) -> None:
    """Headers of a request are pairs, an object, or Liquid that renders to one of them."""
    template = {"method": "get", "url": "x", "headers": headers, "query_params": headers}
    content = render_content(ChannelType.HTTP, template, {"data": "d"}, settings={})
    for name in ("headers", "query_params"):
        assert [(pair["key"], pair["value"]) for pair in content[name]] == expected


def test_data_in_a_list_of_headers_is_not_a_template() -> None:
    """What data brings into headers that Liquid wrote is not rendered again."""
    template = {"method": "get", "url": "x", "headers": '{"X-A": {{ data | json }}}'}
    content = render_content(ChannelType.HTTP, template, {"data": "{{ 1 }}"}, settings={})
    assert content["headers"] == [{"key": "X-A", "value": "{{ 1 }}"}]


@pytest.mark.parametrize(
    ("channel_type", "template"),
    [
        (ChannelType.HTTP, {"method": "get", "url": "x", "headers": ["X-A: b"]}),
        (ChannelType.HTTP, {"method": "get", "url": "x", "headers": "Bearer x"}),
        (ChannelType.HTTP, {"method": "get", "url": "x", "headers": 5}),
        (ChannelType.SMS, {"text_body": "x", "settings": "odd"}),
        (ChannelType.EMAIL, {"html_body": "x", "settings": ["odd"]}),
        (ChannelType.IN_APP_FEED, {"markdown_body": "x", "action_buttons": [5]}),
        (ChannelType.IN_APP_FEED, {"markdown_body": "x", "action_buttons": 5}),
    ],
)
def test_odd_forms_are_the_contents_fault(channel_type: ChannelType, template: Any) -> None:
    """A template of a form that nobody foresaw fails its step, and is not our fault."""
    with pytest.raises(LiquidError):
        render_content(channel_type, template, {}, settings={})
