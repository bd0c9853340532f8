"""Visual blocks: what each becomes, as HTML and as MJML, and what of it clients rely on."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from domain.channels.types import ChannelType
from domain.content.email_layout import EmailLayout
from templating.limits import LiquidError
from templating.messages.context import with_branding
from templating.messages.default_layout import default_layout
from templating.messages.render import render_content

PADDING = {"padding_top": 1, "padding_right": 2, "padding_bottom": 3, "padding_left": 4}
SCOPE = {
    "recipient": {"name": "Rosa", "email": "rosa@x.example"},
    "tenant": None,
    "data": {"n": 2, "url": 'https://x.example/?a=1&b="2"'},
    "vars": {"app_name": "App", "branding": {"primary_color": "#112233"}},
}
MJML = EmailLayout(
    html_layout="<mjml><mj-head></mj-head><mj-body>{{ content }}</mj-body></mjml>",
    text_layout="{{ content }}",
    is_mjml=True,
)
HTML = EmailLayout(
    html_layout="<html><head><title>x</title></head><body>{{ content }}</body></html>",
    text_layout="{{ content }}",
)


def render(
    *blocks: Any, layout: EmailLayout | None = HTML, scope: Any = None, **template: Any
) -> Any:
    """Render an e-mail of blocks; its content."""
    settings = {"layout_key": None if layout is None else "own"}
    whole = {"subject": "s", "visual_blocks": list(blocks), "settings": settings, **template}
    return render_content(
        ChannelType.EMAIL,
        whole,
        {**SCOPE, **(scope or {})},
        settings={"from_address": "app@x.example"},
        layout=layout,
    )


def markdown(content: str, **more: Any) -> Any:
    """Write a Markdown block."""
    return {"type": "markdown", "content": content, **more}


def button(**changes: Any) -> Any:
    """Write a set of one button."""
    own = {"label": "Go {{ data.n }}", "action": "https://x.example/{{ data.n }}"}
    return {"type": "button_set", "buttons": [{**own, "variant": "solid", **changes}]}


def test_markdown_is_made_before_liquid_runs() -> None:
    """Markdown of the author becomes HTML; Markdown of a value stays as it is."""
    html = render(markdown("**{{ data.n }}** {{ data.s }}"), scope={"data": {"n": 2, "s": "*x*"}})
    assert "<strong>2</strong> *x*" in html["html_body"]
    assert html["text_body"] == "2 *x*"


def test_rows_have_the_public_classes_and_their_paddings() -> None:
    """Layouts style rows by class; paddings stand on the cell, clockwise from the top."""
    body = render(markdown("x", layout_attrs=PADDING), {"type": "divider"}, button())["html_body"]
    for block_type in ("markdown", "divider", "button_set"):
        assert f"block-row block-row--{block_type}-v1" in body
    assert "padding: 1px 2px 3px 4px" in body
    for name in ("block-markdown", "block-divider", "block-button block-button--solid"):
        assert f'class="{name}' in body


def test_button() -> None:
    """Label and address are Liquid; names of the branding stand for its colours."""
    style = {"background_color": "primary_color", "text_color": "#fff", "border_radius": 9}
    body = render(button(style_attrs=style, size_attrs={"size": "sm"}))["html_body"]
    assert 'href="https://x.example/2"' in body
    assert "Go 2" in body
    assert "background-color: #112233" in body
    assert "border-radius: 9px" in body
    assert "block-button--sm" in body


def test_colour_made_by_a_tag() -> None:
    """A colour is Liquid where it has tags alone, with their quotes."""
    tag = "{% if data.n == 2 %}#00ff00{% else %}{% assign x = 'y' %}{% endif %}"
    body = render(button(style_attrs={"background_color": tag}))["html_body"]
    assert "background-color: #00ff00;" in body


NO_COLORS = (
    "red; position: fixed",
    'red"><script>alert(1)</script>',
    "red&#59;position:fixed",
    "red&quot;&gt;",
    "url(//x.example/i.png)",
    "re\\64",
    "red/**/",
    "",
    7,
)


@pytest.mark.parametrize("layout", [HTML, MJML])
@pytest.mark.parametrize("hostile", NO_COLORS)
def test_value_that_is_no_colour(hostile: Any, layout: EmailLayout) -> None:
    """A value that is no colour, where one is wanted, is as good as none."""
    names = ("background_color", "border_color", "text_color")
    single = button(style_attrs=dict.fromkeys(names, "{{ data.color }}"))
    blocks = [single, {**single, "buttons": single["buttons"] * 2}]
    told, without = (
        render(*blocks, layout=layout, scope={"data": {"n": 2, "color": color}})
        for color in (hostile, None)
    )
    # The compiler of MJML writes declarations in any order.
    assert sorted(told["html_body"]) == sorted(without["html_body"])
    assert layout is HTML or told["html_body"].count("#112233") > 2


@pytest.mark.parametrize("given", ["#1a2B3c", " tomato ", "rgb(1, 2, 3)", "hsla(9 8% 7% / 0.5)"])
def test_value_that_is_a_colour(given: str) -> None:
    """A value may be whatever CSS calls a colour."""
    body = render(
        button(style_attrs={"background_color": "{{ data.color }}"}),
        scope={"data": {"n": 2, "color": given}},
    )["html_body"]
    assert f"background-color: {given.strip()};" in body


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (30, "width: 30px;"),
        ("40%", "width: 40%;"),
        ("12.5px", "width: 12.5px;"),
        ("1px; position: fixed", None),
        ("1px&#59;position:fixed", None),
        ("calc(1px)", None),
        (None, None),
    ],
)
def test_value_that_is_a_width(given: Any, shown: str | None) -> None:
    """A value where a width is wanted is one, or there is none."""
    image = {"type": "image", "url": "https://x.example/i.png"}
    image |= {"style_attrs": {"width": "{{ data.wide }}"}}
    body = render(image, scope={"data": {"wide": given}})["html_body"]
    assert "position" not in body
    assert shown in body if shown else " width:" not in body.replace("width: 100%", "")
    assert "max-width: 100%" in body


@pytest.mark.parametrize(
    ("given", "pixels"),
    [
        (30, 30),
        ("40%", 240),
        ("12.5%", 75),
        ("12.4px", 12),
        ("auto", 600),
        ("1px; position: fixed", 600),
        ("calc(1px)", 600),
        (None, 600),
    ],
)
def test_width_in_mjml(given: Any, pixels: int) -> None:
    """MJML has widths in whole pixels; a value that is none leaves the image as wide as its row."""
    image = {"type": "image", "url": "https://x.example/i.png"}
    image |= {"style_attrs": {"width": "{{ data.wide }}"}}
    body = render(image, layout=MJML, scope={"data": {"wide": given}})["html_body"]
    (shown,) = re.findall(r"<img [^>]*>", body)
    assert f' width="{pixels}"' in shown
    assert "position" not in body


def test_width_that_is_written_out_in_mjml() -> None:
    """What may be saved as a width is one, also with decimals."""
    image = {"type": "image", "url": "https://x.example/i.png", "style_attrs": {"width": "12.5%"}}
    assert 'width="75"' in render(image, layout=MJML)["html_body"]


def test_colour_of_a_tenant_that_is_none() -> None:
    """Nobody checks what is stored about a tenant: the account's colour stands for what is none."""
    branding = {
        "primary_color": "red;} </style><script>",
        "primary_color_contrast": "#123",
        "secondary_text_color": ["#111"],
        "logo_url": "https://x.example/logo.png",
        "own": "kept",
    }
    tenant = {"id": "acme", "settings": {"branding": branding}}
    seen = with_branding({"branding": {"primary_color": "#112233"}}, tenant)
    assert seen["branding"] == {
        "primary_color": "#112233",
        "primary_color_contrast": "#123",
        "logo_url": "https://x.example/logo.png",
        "own": "kept",
    }
    scope = {"tenant": tenant, "vars": seen}
    layout = replace(default_layout(), branding={"primary_color": "#445566"})
    html = render(button(), layout=layout, scope=scope)["html_body"]
    assert "#445566" in html
    assert "script" not in html


@pytest.mark.parametrize("layout", [HTML, MJML])
@pytest.mark.parametrize("action", [None, "", "  ", "{{ data.nothing }}", " {{ ' ' }} "])
def test_button_that_leads_nowhere(action: str | None, layout: EmailLayout) -> None:
    """A button whose address is nothing, or renders to nothing, is shown, and is no link."""
    two = [{"label": each, "action": action, "variant": "solid"} for each in ("Go 2", "Go 3")]
    made = [render(button(action=action), layout=layout)]
    made.append(render({"type": "button_set", "buttons": two}, layout=layout))
    for each in made:
        assert "Go 2" in each["html_body"]
        assert "<a" not in each["html_body"]


def test_no_value_ends_an_attribute() -> None:
    """Quotes in an address are escaped, in buttons and images, and `&` once."""
    image = {"type": "image", "url": "{{ data.url }}", "alt": 'a "b"', "action": "{{ data.url }}"}
    body = render(button(action="{{ data.url }}"), image)["html_body"]
    assert body.count("https://x.example/?a=1&amp;b=&quot;2&quot;") == 3
    assert 'alt="a &quot;b&quot;"' in body


@pytest.mark.parametrize("layout", [HTML, MJML])
@pytest.mark.parametrize("action", [None, "{{ data.nothing }}"])
def test_image_without_a_link(action: str | None, layout: EmailLayout) -> None:
    """An image whose address renders to nothing is no link."""
    image = {"type": "image", "url": "https://x.example/i.png", "action": action}
    body = render({**image, "style_attrs": {"width": "25%"}}, layout=layout)["html_body"]
    assert "<a " not in body
    assert ("width: 25%" if layout is HTML else 'width="150"') in body


@pytest.mark.parametrize(
    "width", ["{{ data.width | default: '25%' }}", "{% if data.n == 2 %}{{ '25%' }}{% endif %}"]
)
def test_width_of_an_image_is_liquid(width: str) -> None:
    """Quotes in the Liquid of a width are left to Liquid."""
    image = {"type": "image", "url": "https://x.example/i.png", "style_attrs": {"width": width}}
    assert "width: 25%; " in render(image)["html_body"]


@pytest.mark.parametrize("url", ["", " ", "{{ data.nothing }}", "{{ data.nothing | default: '' }}"])
@pytest.mark.parametrize("is_mjml", [False, True])
def test_image_without_an_address(url: str, is_mjml: bool) -> None:
    """An image whose address renders to nothing is left out, with what it says instead of it."""
    layout = MJML if is_mjml else HTML
    made = render(markdown("Hi"), {"type": "image", "url": url, "alt": "Logo"}, layout=layout)
    assert "Hi" in made["html_body"]
    assert "<img" not in made["html_body"]
    assert "Logo" not in made["text_body"]


def test_html_block_is_kept() -> None:
    """HTML is taken as it is, with its Liquid."""
    body = render({"type": "html", "content": "<i>{{ data.n }}</i>"})["html_body"]
    assert "<i>2</i>" in body


def test_no_blocks_make_an_empty_body() -> None:
    """An empty list of blocks is an e-mail without a body, in its layout."""
    assert "<title>x</title>" in render()["html_body"]


def test_variables_pass_from_block_to_block() -> None:
    """Blocks are one template: what one assigns the next one knows."""
    html = {"type": "html", "content": "{% assign k = 7 %}"}
    assert render(html, markdown("{{ k }}"))["text_body"] == "7"


def test_an_error_names_its_block() -> None:
    """A broken block is told by its place, and the line in it."""
    broken = markdown("fine\n\n{{ 'x' | nonsense }}")
    with pytest.raises(LiquidError, match=r"visual_blocks\[1\]: .*nonsense"):
        render(markdown("a\n\nb"), broken)


def test_an_unknown_block_fails_the_message() -> None:
    """What another version stored is refused by name, not dropped."""
    with pytest.raises(LiquidError, match=r"visual_blocks\[0\]: blocks of type 'video'"):
        render({"type": "video"})


def test_without_a_layout_the_styles_come_along() -> None:
    """Blocks that stand alone are styled too."""
    assert "display: inline-block" in render(button(), layout=None)["html_body"]


def test_layout_styles_win() -> None:
    """A rule of the layout comes behind ours of the same weight."""
    css = "<style>.block-button--sm { font-size: 33px; }</style>"
    own = EmailLayout(
        f"<html><head>{css}</head><body>{{{{ content }}}}</body></html>", "{{ content }}"
    )
    assert "font-size: 33px" in render(button(size_attrs={"size": "sm"}), layout=own)["html_body"]


def test_branding_of_tenant_over_layout_over_account() -> None:
    """The layout changes the account's branding, and a tenant's own wins."""
    own = EmailLayout(HTML.html_layout, "{{ content }}", branding={"primary_color": "#222222"})
    style = {"background_color": "primary_color"}
    assert "#222222" in render(button(style_attrs=style), layout=own)["html_body"]
    tenant = {"settings": {"branding": {"primary_color": "#333333", "logo_url": None}}}
    merged = {"branding": {"primary_color": "#333333"}}
    body = render(button(style_attrs=style), layout=own, scope={"tenant": tenant, "vars": merged})
    assert "#333333" in body["html_body"]


def test_default_layout_holds_blocks() -> None:
    """With the layout that every environment has, buttons have the account's colours."""
    body = render(button(), layout=default_layout())["html_body"]
    assert "background-color: #112233" in body


@pytest.mark.parametrize(
    "place", ["<mj-body>{}</mj-body>", "<mj-body><mj-section>{}</mj-section></mj-body>",
              "<mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body>"]
)  # fmt: skip
def test_blocks_in_mjml(place: str) -> None:
    """In an MJML layout blocks are components, wherever `content` stands."""
    layout = EmailLayout(
        f"<mjml>{place.format('{{ content }}')}</mjml>", "{{ content }}", is_mjml=True
    )
    image = {"type": "image", "url": "https://x.example/i.png", "action": "https://x.example"}
    made = render(markdown("**Hi**"), button(), image, {"type": "divider"}, layout=layout)
    assert "mj-" not in made["html_body"].split("<body")[1].replace("mj-column-per", "").replace(
        "mj-outlook-group-fix", ""
    )
    assert "<strong>Hi</strong>" in made["html_body"]
    assert 'href="https://x.example/2"' in made["html_body"]
    assert made["text_body"].startswith("Hi\n")
    assert "Go 2 (https://x.example/2)" in made["text_body"]


def test_buttons_side_by_side_in_mjml() -> None:
    """Several buttons of a set stay one row."""
    own = button()["buttons"][0]
    made = render({"type": "button_set", "buttons": [own, own]}, layout=MJML)
    assert made["html_body"].count('class="block-button') == 2


def test_mjml_body_with_a_loop() -> None:
    """Liquid runs first, so it may make components; HTML between them is kept."""
    body = "{% for i in (1..2) %}<mj-section><mj-column><mj-text>n{{ i }}</mj-text></mj-column>"
    body += "</mj-section>{% endfor %}<p>plain</p>"
    made = render(layout=MJML, visual_blocks=None, html_body=body, is_mjml=True)
    assert "n1" in made["html_body"]
    assert ">plain</p>" in made["html_body"]
    assert made["text_body"].split() == ["n1", "n2", "plain"]


def test_mjml_document_without_a_layout() -> None:
    """Without a layout an MJML template is a whole document."""
    body = "<mjml><mj-body><mjml-raw><p>x</p></mjml-raw></mj-body></mjml>"
    made = render(layout=None, visual_blocks=None, html_body=body, is_mjml=True)
    assert made["text_body"] == "x"
    assert "mjml-raw" not in made["html_body"]


def test_broken_mjml_fails_the_message() -> None:
    """MJML that cannot be compiled is told, not sent."""
    with pytest.raises(LiquidError, match="MJML cannot be compiled"):
        render(layout=MJML, visual_blocks=None, html_body="<mj-section>", is_mjml=True)


def test_mjml_template_needs_an_mjml_layout() -> None:
    """Components in an HTML layout would be sent as they are."""
    with pytest.raises(LiquidError, match="needs an MJML layout"):
        render(visual_blocks=None, html_body="<mj-text>x</mj-text>", is_mjml=True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("I <3 you", "I &lt;3 you"), ("<br><hr>", "<br><hr>"), ("<b>a", "<b>a</b>")],
)
def test_values_in_mjml_are_not_read(value: str, shown: str) -> None:
    """What a recipient is called keeps no e-mail from going out."""
    body = "<mj-text>{{ data.value }}</mj-text>"
    made = render(
        layout=MJML, visual_blocks=None, html_body=body, is_mjml=True,
        scope={"data": {"value": value}},
    )  # fmt: skip
    assert shown in made["html_body"]
    assert shown.split(">")[0] in render(markdown("{{ data.value }}"), layout=MJML,
                           scope={"data": {"value": value}})["html_body"]  # fmt: skip


def test_a_template_of_sections_is_nested_into_nothing() -> None:
    """Its sections are those of the layout's body."""
    body = "<mj-section><mj-column><mj-text>a</mj-text></mj-column></mj-section>"
    made = render(layout=MJML, visual_blocks=None, html_body=body, is_mjml=True)
    assert made["html_body"].count('<div style="margin:0px auto;max-width:600px') == 1


@pytest.mark.parametrize(
    ("html_layout", "html_body", "field", "at"),
    [
        ("<mjml>\n<mj-bod>{{ content }}</mj-bod></mjml>", "", "html_layout", (2, 1)),
        ("<mjml><mj-body>{{ content }}</mj-body></mjml>", "\n<mj-section>", "html_body", (2, 1)),
        # Only the value is wrong, and that has no place in what was written.
        ("<mjml><mj-body>{{ content }}</mj-body></mjml>", "{{ data.value }}", "html_body", None),
    ],
)
def test_broken_mjml_is_placed(
    html_layout: str, html_body: str, field: str, at: tuple[int, int] | None
) -> None:
    """The reason names the field, and line and column where they are the author's."""
    layout = EmailLayout(html_layout, "{{ content }}", is_mjml=True)
    with pytest.raises(LiquidError, match="MJML cannot be compiled") as refused:
        render(
            layout=layout, visual_blocks=None, html_body=html_body, is_mjml=True,
            scope={"data": {"value": "<mj-section>"}},
        )  # fmt: skip
    assert refused.value.field == field
    assert refused.value.at == at


def test_an_empty_layout_key_is_no_layout() -> None:
    """As it is where the e-mail is written."""
    made = render(
        layout=None, visual_blocks=None, html_body="<p>x</p>", settings={"layout_key": ""}
    )
    assert made["html_body"] == "<p>x</p>"


def test_base_styles_leave_links_to_the_layout() -> None:
    """A layout styles elements, and its rules win over ours."""
    rules = "a { color: #123456; } h1 { line-height: 3; } td { padding: 9px; }"
    layout = EmailLayout(
        f"<html><head><style>{rules}</style></head><body>{{{{ content }}}}</body></html>",
        "{{ content }}",
    )
    made = render(markdown("# T\n\n[a](https://x.example)"), layout=layout)["html_body"]
    assert '<a href="https://x.example" style="color: #123456;">' in made
    assert "line-height: 3" in re.search(r"<h1[^>]*>", made)[0]  # type: ignore[index]


@pytest.mark.parametrize("layout", [HTML, MJML])
def test_paddings_of_images(layout: EmailLayout) -> None:
    """Unless something is said of them an image has some above and below."""
    made = render({"type": "image", "url": "https://x.example/i.png"}, layout=layout)["html_body"]
    assert "padding: 4px 0px 4px 0px" in made.replace("padding:4px", "padding: 4px")


def test_buttons_in_outlook() -> None:
    """Outlook gives links neither room nor a shape: a cell does, and one between two of them."""
    own = {"label": "Go", "action": "https://x.example", "variant": "solid"}
    colored = {
        **own,
        "size_attrs": {"size": "lg"},
        "style_attrs": {"background_color": "primary_color"},
    }
    body = render({"type": "button_set", "buttons": [colored, own]})["html_body"]
    cells = re.findall(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", body)
    assert cells[1] == '<td bgcolor="#112233" style="padding: 12px 24px;">'
    assert '</td><td width="8">&nbsp;</td>' in cells
    assert "<td>" in cells
