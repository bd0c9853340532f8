"""E-mails: layout, text part, settings, and that no value can add a header."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.types import ChannelType, effective_settings
from domain.content.email_layout import EmailLayout
from domain.content.translation import TRANSLATION, Translations, Translator
from templating.limits import LiquidError, Position
from templating.liquid.library import Library
from templating.liquid.lookups import Lookups
from templating.messages.composing import _offset
from templating.messages.default_layout import default_layout
from templating.messages.render import render_content

SETTINGS = {"from_address": "app@x.example", "from_name": "App"}
LAYOUT = EmailLayout(
    html_layout="<html><body>[{{ content }}]{{ late }}<i>{{ preview_text }}</i>{{ footer_links }}"
    "</body></html>",
    text_layout="<<{{ content }}>> {{ late }}\n{{ footer_links }}",
    footer_links=(
        {"text": "Help & more", "url": "https://x.example/?a=1&b={{ data.n }}"},
        {"text": "Unsubscribe", "url": "{{ vars.commercial_unsubscribe_url }}"},
    ),
)


def render(
    changes: Any = None, *, settings: Any = None, layout: Any = LAYOUT, data: Any = None
) -> Any:
    """Render an e-mail with a layout unless the changes say otherwise."""
    template = {
        "subject": "Hi {{ recipient.name }}",
        "html_body": "<p>Body {{ data.n }}</p>",
        "text_body": None,
        "settings": {"layout_key": "own"},
        **(changes or {}),
    }
    scope = {
        "recipient": {"name": "Rosa", "email": "rosa@x.example"},
        "data": {"n": 2, **(data or {})},
        "vars": {"app_name": "App"},
    }
    return render_content(
        ChannelType.EMAIL, template, scope, settings=settings or SETTINGS, layout=layout
    )


def test_defaults() -> None:
    """An e-mail goes to the recipient's address, from the channel's sender."""
    content = render()
    assert content["from"] == '"App" <app@x.example>'
    assert content["to"] == "rosa@x.example"
    assert content["subject_line"] == "Hi Rosa"
    assert (content["cc"], content["bcc"], content["reply_to"]) == (None, None, None)
    assert content["headers"] == {}


def test_body_stands_in_the_layout() -> None:
    """The body takes the place of `content`; a footer link without address is left out."""
    assert render()["html_body"] == (
        "<html><body>[<p>Body 2</p>]<i></i>"
        '<a href="https://x.example/?a=1&amp;b=2">Help &amp; more</a></body></html>'
    )


def test_generated_text_comes_from_the_body_alone() -> None:
    """Without a text body the HTML body becomes text and stands in the text layout."""
    assert render()["text_body"] == "<<Body 2>> \nHelp & more: https://x.example/?a=1&b=2"


def test_own_text_body_is_rendered() -> None:
    """A text body of the template replaces the generated one."""
    assert render({"text_body": "Text {{ data.n }}"})["text_body"].startswith("<<Text 2>>")


def test_layout_sees_what_the_body_assigns() -> None:
    """Body and layout are rendered as one; declarations made before both reach everything."""
    body = "{% assign late = 'later' %}x"
    assert "[x]later" in render({"html_body": body})["html_body"]
    settings = {"layout_key": "own", "pre_content": "{% assign late = 'early' %}"}
    content = render({"html_body": "{{ late }}", "settings": settings})
    assert "[early]early" in content["html_body"]
    assert content["text_body"].startswith("<<early>> early")


def test_preview_text_is_rendered_first() -> None:
    """The layout gets the preview text rendered."""
    settings = {"layout_key": "own", "preview_text": "{{ data.n }} new"}
    assert "<i>2 new</i>" in render({"settings": settings})["html_body"]


def test_without_layout_the_body_is_the_document() -> None:
    """A template without layout ignores the layout; the text stands alone."""
    content = render({"settings": {"layout_key": None}})
    assert (content["html_body"], content["text_body"]) == ("<p>Body 2</p>", "Body 2")


def test_missing_layout_is_an_error() -> None:
    """A named layout that was not found must not silently become none."""
    with pytest.raises(LiquidError, match="no published e-mail layout 'own'"):
        render(layout=None)
    with pytest.raises(LiquidError, match="content"):
        render(layout=EmailLayout("<html></html>", "{{ content }}"))


def test_data_is_never_run_as_a_template() -> None:
    """Liquid inside a value stays text in both parts, also on its way through the layout."""
    content = render({"html_body": "{{ data.evil }}"}, data={"evil": "{{ vars.app_name }}"})
    assert "[{{ vars.app_name }}]" in content["html_body"]
    assert "<<{{ vars.app_name }}>>" in content["text_body"]


def test_no_value_adds_a_header() -> None:
    """Line breaks of every kind are taken out of subject, addresses, names and headers."""
    evil = "a\r\nBcc: x@evil.example\u2028\x85\x00z"
    content = render(
        {"subject": "{{ data.evil }}"},
        settings={
            "from_address": "{{ data.evil }}",
            "from_name": '"{{ data.evil }}\\',
            "to_address": "{{ data.evil }}",
            "cc_address": "{{ data.evil }}",
            "bcc_address": "{{ data.evil }}",
            "reply_to_address": "{{ data.evil }}",
            "json_overrides": '{"headers": {"X-A": {{ data.evil | json }}}}',
        },
        data={"evil": evil},
    )
    texts = [content[key] for key in ("subject_line", "from", "to", "cc", "bcc", "reply_to")]
    for text in [*texts, *content["headers"].values()]:
        assert len(text.splitlines()) == 1
        assert "\x00" not in text
    assert content["subject_line"] == "a Bcc: x@evil.example z"
    assert content["from"].startswith('"\\"a Bcc')


def test_overrides_give_headers_only() -> None:
    """SMTP takes headers from the overrides, as text, and refuses names that are none."""
    overrides = '{"headers": {"X-Count": {{ data.n }}, "X-On": true}, "subject": "x"}'
    content = render(settings={**SETTINGS, "json_overrides": overrides})
    assert content["headers"] == {"X-Count": "2", "X-On": "true"}
    for wrong in ('{"headers": {"X:\\nBcc": 1}}', '{"headers": [1]}', "[]", "{{ data.n"):
        with pytest.raises(LiquidError, match="json_overrides"):
            render(settings={**SETTINGS, "json_overrides": wrong})


def test_step_settings_win_by_presence() -> None:
    """A key that the step sets wins over the channel's; a null sets nothing, "" does."""
    channel = {"from_name": "A", "cc_address": "c", "bcc_address": "b"}
    merged = effective_settings(channel, {"cc_address": None, "bcc_address": "", "x": None})
    assert merged == {"from_name": "A", "cc_address": "c", "bcc_address": ""}
    assert effective_settings({"from_name": "A"}, None) == {"from_name": "A"}


def test_styles_are_inlined_and_kept() -> None:
    """Rules are copied onto elements; media queries stay; nothing changes without styles."""
    body = (
        "<html><head><style>p{color:red} @media (max-width: 9px){p{color:blue}}</style></head>"
        "<body><p>x</p></body></html>"
    )
    html = render({"html_body": body, "settings": {}})["html_body"]
    assert '<p style="color: red;">' in html
    assert "@media (max-width: 9px)" in html
    plain = "<p class=x>no &nbsp; style<br></p>"
    assert render({"html_body": plain, "settings": {}})["html_body"] == plain


def test_error_in_the_body_has_the_bodys_line() -> None:
    """Although body and layout are one template, an error is placed in the field that has it."""
    layout = EmailLayout(
        "<html>\n\n<body>{{ content }}\n</body>\n{{ x | from_json }}", "{{ content }}"
    )
    with pytest.raises(LiquidError) as caught:
        render({"html_body": "a\n{{ 'x' | from_json }}"}, layout=layout)
    assert (caught.value.field, caught.value.at) == ("html_body", (2, 10))
    assert caught.value.message.startswith("from_json")
    with pytest.raises(LiquidError) as caught:
        render({"html_body": "a"}, layout=EmailLayout("{{ content }}\n{{ 1 | nope }}", "x"))
    assert (caught.value.field, caught.value.at) == ("html_layout", (2, 8))
    assert caught.value.message.startswith("unknown filter")


_FAILS = "{{ 'x' | from_json }}"


@pytest.mark.parametrize(
    ("template", "layout", "field", "at"),
    [
        # On the line of the layout's tag, behind a line of declarations.
        ({"html_body": f"ab {_FAILS}", "settings": {"layout_key": "a", "pre_content": "\n"}},
         "<p>{{ content }}", "html_body", (1, 13)),
        ({"html_body": "a\nb", "settings": {"layout_key": "a", "pre_content": f"\n{_FAILS}"}},
         "<p>{{ content }}", "settings.pre_content", (2, 10)),
        ({"html_body": "a\nb\nc"}, "<p>{{ content }}</p>\n " + _FAILS, "html_layout", (2, 11)),
        # The styles of blocks stand in the head, and count for nobody's lines.
        ({"visual_blocks": [{"type": "divider"}]},
         "<head></head>\n{{ content }}\n" + _FAILS, "html_layout", (3, 10)),
        ({"visual_blocks": [{"type": "divider"}, {"type": "html", "content": _FAILS}]},
         "<head></head>{{ content }}", "visual_blocks[1]", None),
        ({"html_body": "a", "text_body": f"a\n{_FAILS}"}, "{{ content }}", "text_body", (2, 10)),
    ],
)  # fmt: skip
def test_errors_have_the_place_that_their_author_sees(
    template: dict[str, Any], layout: str, field: str, at: tuple[int, int] | None
) -> None:
    """What is put together for rendering does not show in lines and columns."""
    with pytest.raises(LiquidError) as caught:
        render(template, layout=EmailLayout(layout, "{{ content }}"))
    assert (caught.value.field, caught.value.at) == (field, at)


def test_default_layout() -> None:
    """The default layout is a whole document with the account's name, colours and dark mode."""
    content = render(
        {"settings": {"layout_key": "default", "preview_text": "a < b"}}, layout=default_layout()
    )
    html = content["html_body"]
    assert html.startswith("<!DOCTYPE html>")
    assert "<p>Body 2</p>" in html
    assert "a &lt; b" in html
    assert "prefers-color-scheme: dark" in html
    assert "<img" not in html
    assert content["text_body"] == "Body 2\n\n--\nApp"


def test_copies_that_render_to_nothing_are_no_copies() -> None:
    """Entries of a list of addresses that nobody filled leave no gap, and quoted commas stay."""
    settings = {
        **SETTINGS,
        "cc_address": "a@x.example,{{ data.nobody }}, b@x.example ,",
        "bcc_address": "{{ data.nobody }},{{ data.nobody }}",
        "reply_to_address": '"Lee, C" <c@x.example>',
    }
    content = render(settings=settings)
    assert content["cc"] == "a@x.example, b@x.example"
    assert content["bcc"] is None
    assert content["reply_to"] == '"Lee, C" <c@x.example>'


def test_preview_text_may_stand_beside_the_settings() -> None:
    """Knock's own files have it in either place."""
    inside = render({"settings": {"layout_key": "own", "preview_text": "in {{ data.n }}"}})
    beside = render({"preview_text": "by {{ data.n }}"})
    assert "<i>in 2</i>" in inside["html_body"]
    assert "<i>by 2</i>" in beside["html_body"]


def test_all_overrides_are_kept_for_the_vendor() -> None:
    """What SMTP has no use for is laid over the request of a vendor's API."""
    overrides = '{"headers": {"X-A": 1}, "MessageStream": "{{ data.stream }}"}'
    settings = {**SETTINGS, "json_overrides": overrides}
    content = render(settings=settings, data={"stream": "news"})
    assert content["headers"] == {"X-A": "1"}
    assert content["overrides"] == {"headers": {"X-A": 1}, "MessageStream": "news"}
    assert "overrides" not in render()


def test_what_is_wrong_in_a_translation_is_told_of_the_body_that_uses_it() -> None:
    """However long the text is, the place is one of the body."""
    texts = TRANSLATION.read({"content": '{"hi": "\\n\\n\\n\\n{% render \'none\' %}"}'}, "en")
    translator = Translator(Translations.of({"en": texts}), "en", "", "en")
    with pytest.raises(LiquidError) as caught:
        render_content(
            ChannelType.EMAIL,
            {
                "subject": "s",
                "html_body": "<p>\n {% t %}hi{% endt %}",
                "settings": {"layout_key": "own"},
            },
            {"recipient": {"email": "rosa@x.example"}},
            settings=SETTINGS,
            layout=LAYOUT,
            lookups=Lookups(library=Library(translator=translator)),
        )
    assert (caught.value.field, caught.value.at) == ("html_body", Position(2, 5))
    assert caught.value.message.startswith("translation 'hi', line 5, column 4: there is no")


def test_a_place_beyond_the_source_is_its_end() -> None:
    """A wrong place never hides what is wrong."""
    assert [_offset("a\nbc", *place) for place in ((1, 1), (2, 2), (3, 1), (9, 9))] == [0, 3, 4, 4]
