"""Templates that are saved nowhere, e-mail layouts and partials are previewed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.partial import PARTIAL
from domain.kit.json_types import JsonObject
from tests.support.account import Account, note

MAIL = {"subject": "Hi {{ recipient.name }}", "html_body": "<p>{{ data.n }}</p>", "settings": {}}
LAYOUT = {
    "name": "Own",
    "html_layout": "<html><body>[{{ content }}]</body></html>",
    "text_layout": "[{{ content }}]",
}


async def ask(
    management: httpx.AsyncClient, what: str, /, *, status: int = 200, **body: Any
) -> JsonObject:
    """Ask for a preview."""
    response = await management.post(f"/v1/{what}/preview", json=body)
    assert response.status_code == status, response.text
    answer: JsonObject = response.json()
    return answer


async def mail(management: httpx.AsyncClient, template: Any = MAIL, **body: Any) -> JsonObject:
    """Preview an e-mail's template for Rosa."""
    return await ask(
        management,
        "templates",
        **{"channel_type": "email", "recipient": {"id": "rosa", "name": "Rosa"}, **body},
        template=template,
        data={"n": 3},
    )


async def test_an_inline_template_is_rendered(management: httpx.AsyncClient) -> None:
    """It has the default layout unless it says that it has none."""
    answer = await mail(management)

    assert answer["result"] == "success"
    assert answer["template"]["subject"] == "Hi Rosa"
    assert answer["template"]["settings"] == {"layout_key": "default"}
    assert "<p>3</p>" in answer["template"]["html_body"]
    assert "<!doctype" in answer["template"]["html_body"].lower()
    alone = await mail(management, {**MAIL, "settings": {"layout_key": None}})
    assert alone["template"]["html_body"] == "<p>3</p>"
    assert alone["template"]["settings"] == {}


async def test_a_layout_is_named_or_written(
    management: httpx.AsyncClient, account: Account
) -> None:
    """The layout of the request goes before that of the template."""
    await account.save("own", LAYOUT, kind=EMAIL_LAYOUT, commit=note())

    named = await mail(management, layout={"key": "own"})
    html = "<html><head></head><body>({{ content }})</body></html>"
    written = await mail(management, layout={"html_content": html, "text_content": "-{{content}}-"})

    assert "[<p>3</p>]" in named["template"]["html_body"]
    assert "(<p>3</p>)" in written["template"]["html_body"]
    assert written["template"]["text_body"] == "-3-"
    assert written["template"]["settings"] == {}
    mjml = "<mjml><mj-body>{{ content }}</mj-body></mjml>"
    blocks = {
        "subject": "x",
        "visual_blocks": [{"type": "markdown", "content": "**b**"}],
        "settings": {},
    }
    compiled = await mail(management, blocks, layout={"html_content": mjml})
    assert "<strong>b</strong>" in compiled["template"]["html_body"]
    assert "<mj-" not in compiled["template"]["html_body"]


async def test_faults_of_a_written_layout_have_its_names(management: httpx.AsyncClient) -> None:
    """Fields are called as in the request."""
    wrong = await mail(management, layout={"html_content": "<p>no place</p>"})
    assert wrong["errors"] == [
        {"message": "has no {{ content }}", "field": "layout.html_content", "line": None,
         "column": None}
    ]  # fmt: skip
    broken = "{{ content }}\n {{ 'x' | from_json }}"
    answer = await mail(management, layout={"html_content": broken})
    (error,) = answer["errors"]
    assert (error["field"], error["line"], error["column"]) == ("layout.html_content", 2, 11)
    assert "template" not in answer


async def test_every_broken_source_is_named(management: httpx.AsyncClient) -> None:
    """An author sees all faults of syntax at once."""
    template = {"subject": "{{ x | nope }}", "html_body": "\n{% if %}", "settings": {}}
    answer = await mail(management, template)
    places = [(error["field"], error["line"], error["column"]) for error in answer["errors"]]
    assert places == [("subject", 1, 8), ("html_body", 2, 4)]


async def test_the_workflow_of_a_request_is_seen(management: httpx.AsyncClient) -> None:
    """Templates see what is said of it; a commercial one has a link to unsubscribe."""
    template = {"text_body": "{{ workflow.key }} {{ workflow.categories }}"
                " {{ vars.commercial_unsubscribe_url }}"}  # fmt: skip
    flow = {"key": "sale", "categories": ["ads"], "commercial": True}
    answer = await mail(management, template, channel_type="sms", workflow=flow)
    key, categories, url = answer["template"]["text_body"].split(" ")
    assert (key, categories) == ("sale", "ads")
    assert "/unsubscribe/" in url
    answer = await mail(management, template, channel_type="sms", workflow=None)
    assert answer["template"]["text_body"].strip() == ""


async def test_activities_may_be_given(management: httpx.AsyncClient) -> None:
    """A template for a step behind a batch is tried with example activities."""
    template = {"markdown_body": "{% for a in activities %}{{ a.n }}{% endfor %}"}
    answer = await mail(
        management,
        template,
        channel_type="in_app_feed",
        activities=[{"data": {"n": 1}}, {"data": {"n": 2}}],
    )
    assert answer["template"]["markdown_body"] == "<p>12</p>\n"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"template": {"html_body": "x"}}, "template.subject"),
        ({"template": {"subject": "x"}}, "template.html_body"),
        ({"template": None}, "template"),
        ({"template": "x"}, "template"),
        ({"channel_type": "in_app_guide"}, "channel_type"),
        ({"channel_type": 7}, "channel_type"),
        ({"channel_type": None}, "channel_type"),
        ({"recipient": None}, "recipient"),
        ({"layout": {"key": "nope"}}, "layout.key"),
        ({"channel_type": "sms", "template": {"text_body": "x"}, "layout": {"key": "default"}},
         "layout"),
        ({"workflow": {}}, "workflow.key"),
        ({"activities": [{"inserted_at": "yesterday"}]}, "activities[0].inserted_at"),
    ],
)  # fmt: skip
async def test_wrong_templates_are_refused(
    management: httpx.AsyncClient, body: Any, field: str
) -> None:
    """What has not the documented shape is refused, at its place."""
    asked = {"channel_type": "email", "template": MAIL, "recipient": "a", **body}
    answer = await ask(management, "templates", status=422, **asked)
    assert answer["errors"][0]["field"] == field


async def test_a_layout_is_shown_around_an_example(management: httpx.AsyncClient) -> None:
    """Both parts, with links, branding and the tenant."""
    layout = {
        **LAYOUT,
        "html_layout": "<html><body>[{{ content }}]{{ footer_links }}{{ tenant.name }}"
        "</body></html>",
        "footer_links": [{"text": "Help", "url": "https://x.example/{{ recipient.id }}"}],
    }
    answer = await ask(
        management, "email_layouts", email_layout=layout, recipient="rosa",
        tenant={"id": "acme", "name": "Acme"},
    )  # fmt: skip
    assert answer["result"] == "success"
    assert "Your message" in answer["layout"]["html_body"]
    assert 'href="https://x.example/rosa"' not in answer["layout"]["html_body"]  # nobody is rosa
    assert 'href="https://x.example/"' in answer["layout"]["html_body"]
    assert "Acme" in answer["layout"]["html_body"]
    assert answer["layout"]["text_body"].startswith("[")


async def test_an_mjml_layout_is_compiled(management: httpx.AsyncClient) -> None:
    """The example becomes components of it."""
    layout = {**LAYOUT, "is_mjml": True,
              "html_layout": "<mjml><mj-body>{{ content }}</mj-body></mjml>"}  # fmt: skip
    answer = await ask(management, "email_layouts", email_layout=layout, recipient="rosa")
    assert "Your message" in answer["layout"]["html_body"]
    assert "<mj-" not in answer["layout"]["html_body"]


async def test_faults_of_layouts(management: httpx.AsyncClient) -> None:
    """Liquid that fails is the answer's, a document that is no layout is refused."""
    layout = {**LAYOUT, "text_layout": "{{ content }}\n{{ 'x' | from_json }}"}
    answer = await ask(management, "email_layouts", email_layout=layout, recipient="rosa")
    (error,) = answer["errors"]
    assert (error["field"], error["line"], error["column"]) == ("text_layout", 2, 10)
    assert answer["result"] == "error"
    assert "layout" not in answer
    for wrong, field in (
        ({**LAYOUT, "html_layout": "x"}, "email_layout.html_layout"),
        ({}, "email_layout.name"),
        (None, "email_layout"),
    ):
        answer = await ask(
            management, "email_layouts", status=422, email_layout=wrong, recipient="rosa"
        )
        assert answer["errors"][0]["field"] == field


async def test_a_partial_is_rendered_with_its_inputs(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Declared inputs are typed, others are texts; it may render others."""
    inner = {"name": "Inner", "type": "html", "content": "<i>{{ text }}</i>"}
    await account.save("inner", inner, kind=PARTIAL, commit=note())
    partial = {
        "name": "Card",
        "type": "html",
        "content": "{% render 'inner', text: title %}{% if on %}on{% else %}off{% endif %}"
        "{% if bare %}{{ bare }}{% endif %}",
        "input_schema": [
            {"type": "text", "key": "title", "label": "Title", "settings": {"default": "None"}},
            {"type": "boolean", "key": "on", "label": "On"},
        ],
    }
    answer = await ask(
        management, "partials", partial=partial, data={"title": "A", "on": False, "bare": False}
    )
    assert answer == {"result": "success", "type": "html", "content": "<i>A</i>offfalse"}
    defaults = await ask(management, "partials", partial=partial)
    assert defaults["content"] == "<i>None</i>off"


async def test_a_partial_is_shown_in_a_layout(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Its style sheets move to the head, as in an e-mail."""
    layout = {**LAYOUT, "html_layout": "<html><head></head><body>[{{ content }}]</body></html>"}
    await account.save("own", layout, kind=EMAIL_LAYOUT, commit=note())
    content = "<style>@media print{b{color:red}}</style><b>{{ title }}</b>"
    partial = {"name": "Card", "type": "html", "content": content}
    answer = await ask(
        management, "partials", partial=partial, data={"title": "A"}, layout={"key": "own"}
    )
    head, _, body = answer["content"].partition("</head>")
    assert "@media print" in head
    assert "[<b>A</b>]" in body


async def test_faults_of_partials(management: httpx.AsyncClient) -> None:
    """They have the place in the partial, also where a layout is around it."""
    partial = {"name": "Card", "type": "html", "content": "a\n{{ 'x' | from_json }}"}
    for layout in ({}, {"layout": {"key": "default"}}):
        answer = await ask(management, "partials", partial=partial, **layout)
        (error,) = answer["errors"]
        assert error["message"].startswith("from_json")
        assert (error["field"], error["line"], error["column"]) == ("content", 2, 10)
        assert (answer["result"], answer["type"]) == ("error", "html")
        assert "content" not in answer


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "partial"),
        ({"partial": {"name": "x", "type": "html"}}, "partial.content"),
        ({"partial": {"name": "x", "type": "css", "content": ""}}, "partial.type"),
        ({"partial": {"name": "x", "type": "html", "content": ""}, "data": {"a b": 1}}, "data"),
        ({"partial": {"name": "x", "type": "html", "content": ""}, "layout": {"key": "nope"}},
         "layout.key"),
        ({"partial": {"name": "x", "type": "text", "content": ""}, "layout": {"key": "default"}},
         "layout.key"),
    ],
)  # fmt: skip
async def test_wrong_partials_are_refused(
    management: httpx.AsyncClient, body: Any, field: str
) -> None:
    """What is no partial, or asks for what is not there, is refused at its place."""
    answer = await ask(management, "partials", status=422, **body)
    assert answer["errors"][0]["field"] == field
