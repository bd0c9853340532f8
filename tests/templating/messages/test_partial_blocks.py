"""Partials in e-mails: blocks give inputs, and style sheets go to the head."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.types import ChannelType
from domain.content.email_layout import EmailLayout
from domain.content.partial import PARTIAL, Partial
from templating.limits import LiquidError
from templating.liquid.library import Library
from templating.liquid.lookups import Lookups
from templating.messages.render import render_content

SCOPE = {
    "recipient": {"name": "Rosa", "email": "rosa@x.example"},
    "data": {"items": [{"n": 1}, {"n": 2}], "name": '<b>"Ada"</b>', "brace": "}}"},
    "vars": {},
}
HTML = EmailLayout(
    html_layout="<html><head><title>x</title></head><body>{{ content }}</body></html>",
    text_layout="{{ content }}",
)
MJML = EmailLayout(
    html_layout="<mjml><mj-head></mj-head><mj-body>{{ content }}</mj-body></mjml>",
    text_layout="{{ content }}",
    is_mjml=True,
)
PART = {"type": "text", "key": "p", "label": None}
FIELDS = [
    {"type": "text", "key": "title", "label": "T"},
    {"type": "list", "key": "items", "label": "I"},
    {"type": "boolean", "key": "on", "label": "O"},
    {"type": "button", "key": "button", "label": "B", "text": PART, "action": PART},
]


def partial(content: str) -> Partial:
    """Return a partial of HTML with some fields."""
    document = {"name": "P", "type": "html", "content": content, "input_schema": FIELDS}
    return PARTIAL.check(PARTIAL.normalise(document, {}), "card")


def render(content: str, layout: EmailLayout | None = HTML, **template: Any) -> Any:
    """Render an e-mail that may use the partial `card`."""
    whole = {
        "subject": "s",
        "settings": {"layout_key": None if layout is None else "own"},
        **template,
    }
    lookups = Lookups(library=Library({"card": partial(content)}))
    return render_content(
        ChannelType.EMAIL,
        whole,
        SCOPE,
        settings={"from_address": "app@x.example"},
        layout=layout,
        lookups=lookups,
    )


def block(key: str = "card", **attrs: Any) -> Any:
    """Write a block that is a partial."""
    return {"type": "partial", "key": key, "name": "Card", "attrs": attrs}


@pytest.mark.parametrize("layout", [HTML, MJML, None])
def test_a_block_gives_a_partial_its_inputs(layout: EmailLayout | None) -> None:
    """Texts are rendered, single values keep their structure, others are JSON with Liquid in it."""
    content = render(
        "{{ title }}|{% for i in items %}{{ i.n }},{% endfor %}"
        "|{% if on %}on{% else %}off{% endif %}"
        "|{{ button.text }}={{ button.action }}|{{ other }}",
        layout,
        visual_blocks=[
            block(
                title="Hi {{ recipient.name }}",
                items="{{ data.items }}",
                on=False,
                button={"text": "Go {{ data.name | strip_html }}", "action": "/{{ data.brace }}"},
                other=["{{ recipient.name }}", "{x}", 5],
            )
        ],
    )
    shown = content["html_body"].replace("&quot;", '"')
    assert 'Hi Rosa|1,2,|off|Go "Ada"=/}}|["Rosa","{x}",5]' in shown
    assert "Hi Rosa" in content["text_body"]


def test_what_is_not_given_has_its_default() -> None:
    """A block without attributes renders the defaults of the fields."""
    blocks = [{"type": "partial", "key": "card"}]
    shown = render("[{{ title }}{{ items.size }}]", visual_blocks=blocks)
    assert "[0]" in shown["html_body"]


@pytest.mark.parametrize("bad", [block("no key' %}{{ vars }}"), block(**{"a: vars %}{{": "x"})])
def test_a_block_cannot_write_liquid_by_its_names(bad: Any) -> None:
    """Keys and names that are none fail the step."""
    with pytest.raises(LiquidError, match="is not"):
        render("x", visual_blocks=[bad])


def test_errors_in_a_partial_name_the_block() -> None:
    """The place of the block, the partial, and the line in it."""
    with pytest.raises(
        LiquidError, match=r"visual_blocks\[0\]: partial 'card', line 2, column 10: "
    ):
        render("\n{{ 'a' | compare_versions: 'b' }}", visual_blocks=[block()])


def test_style_sheets_go_to_the_head_once() -> None:
    """Styles leave the body for the head, each once, before the layout's own; comments stay."""
    content = (
        "<style>.c-{{ title }}{content:'{{ title }}'}@media print{.a{color:red}}</style>"
        "<p>{{ title }}</p>"
        "<!--[if mso]><style>.mso{x:y}</style><![endif]-->"
    )
    body = "{% render 'card', title: 'a' %}{% render 'card', title: 'a' %}"
    shown = render(content, html_body=body)["html_body"]
    head, _, rest = shown.partition("</head>")
    assert head.count("@media print") == 1
    assert head.index("@media print") < head.index("<title>")
    assert "@media" not in rest
    assert rest.count("<![endif]-->") == 2


def test_without_a_layout_style_sheets_stay() -> None:
    """Where there is no layout with a head, a partial is rendered as it is."""
    content = "<style>@media print{.a{color:red}}</style><p>x</p>"
    shown = render(content, None, html_body="<div>{% render 'card' %}</div>")["html_body"]
    assert shown.count("@media print") == 1
