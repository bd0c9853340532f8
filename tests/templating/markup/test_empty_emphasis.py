"""Emphasis around Liquid that prints nothing."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.types import ChannelType
from templating.limits import LiquidError
from templating.liquid.environment import render_text
from templating.markup.empty_emphasis import render_markdown
from templating.messages.render import render_content


def render(source: str, **data: Any) -> str:
    """Render Markdown with some data."""
    return render_markdown(source, lambda text: render_text(text, {"data": data}))


@pytest.mark.parametrize("mark", ["*", "**", "***", "_", "__", "___", "~~"])
@pytest.mark.parametrize(
    "inside",
    [
        "{{ data.x }}",
        "{{- data.x -}}",
        "{{ data.x }} {{ data.y }}",
        "{% if data.x %}{{ data.x }}{% endif %}",
    ],
)
def test_nothing_is_emphasised_by_nothing(mark: str, inside: str) -> None:
    """The marks go with what they were for."""
    source = f"{mark}{inside}{mark}, and **{{{{ data.z }}}}** stays."
    assert render(source, z="this") == ", and **this** stays."
    assert render(source, x="a", z="this").startswith(f"{mark}a")


@pytest.mark.parametrize(
    ("source", "data", "shown"),
    [
        ("**{{ data.x }}**", {"x": "**** 4242"}, "****** 4242**"),
        ("Card **** 4242 of **{{ data.x }}**", {}, "Card **** 4242 of "),
        ("****\n\n**{{ data.x }}**", {}, "****\n\n"),
        ("**{{ data.x }}** **{{ data.y }}**", {"x": "a", "y": "b"}, "**a** **b**"),
        ("**{{ data.x }}** **{{ data.y }}**", {"y": "b"}, " **b**"),
        ("snake_{{ data.x }}_case", {}, "snake__case"),
        ("_{{ data.x }}_case", {}, "__case"),
        ("\\**{{ data.x }}**", {}, "\\****"),
        ("{{ data.x }}", {"x": "** **"}, "** **"),
        ("**{% raw %}{{ x }}{% endraw %}**", {}, "**{{ x }}**"),
        (
            "{% capture c %}**{{ data.x }}**{% endcapture %}{{ c | size }}",
            {},
            "4",
        ),
        ("**{{ data.x }}**", {"x": False}, "**false**"),
        ("no Liquid ****", {}, "no Liquid ****"),
    ],
)
def test_what_stays(source: str, data: Any, shown: str) -> None:
    """Marks of values, of words, and those that the author wrote without Liquid stay."""
    assert render(source, **data) == shown


def test_an_error_is_where_its_author_sees_it() -> None:
    """Nothing moves the place of an error."""
    source = "**{{ data.x }}** {{ data.y | from_json }}"
    with pytest.raises(LiquidError) as refused:
        render(source, y="{")
    assert refused.value.at is not None
    assert refused.value.at.column == source.index("from_json") + 1


def test_feed_items_and_chat_messages() -> None:
    """Both are Markdown after their Liquid."""
    template = {"markdown_body": "Hello\n\n**{{ data.x }}**\n\nWorld"}
    feed: Any = render_content(ChannelType.IN_APP_FEED, template, {"data": {}}, settings={})
    assert feed["blocks"][0]["rendered"] == "<p>Hello</p>\n<p>World</p>\n"
    chat: Any = render_content(ChannelType.CHAT, template, {"data": {}}, settings={})
    assert "*" not in chat["markdown"]


def test_it_takes_linear_time() -> None:
    """Many marks and much Liquid are looked through once."""
    for source in ("*" * 30_000, "**{{ x }}" * 3_000, "_" + "{{ x }}" * 4_000, "~~{{" * 7_000):
        assert render_markdown(source, lambda text: text[:100])
