"""What e-mails look like in a real browser, as wide as phones, mail windows and desktops are."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.types import ChannelType
from domain.content.email_layout import EmailLayout
from domain.content.partial import PARTIAL
from templating.liquid.library import Library
from templating.liquid.lookups import Lookups
from templating.messages.default_layout import default_layout
from templating.messages.render import render_content
from tests.support.browser import real_browser

WIDTHS = (320, 600, 1200)
OWN = EmailLayout(
    html_layout="<html><head>"
    '<meta name="viewport" content="width=device-width, initial-scale=1"></head>'
    '<body style="margin: 0">{{ content }}<p>{{ footer_links }}</p></body></html>',
    text_layout="{{ content }}",
)
LAYOUTS = {"default": default_layout(), "own": OWN}
LINKS = ({"text": "Help", "url": "https://x.example/help"},)
MARKDOWN = """# Heading

A [link](https://x.example), `code`, and https://x.example/an/address/longer/than/a/phone/is/wide.

    code in one line that is a good deal longer than any phone is wide, and than a mail window is

| Name | What it is | How much | When |
|---|---|---|---|
| Something | Described | 123456 | 2026-11-30 |

![Wide](https://x.example/wide.svg)

> Quoted
"""
# Colours that suit a light card: text on it, and text on a ground of its own.
HTML = """
<p style="color: #374151">Grey, <a href="https://x.example" style="color: #1d4ed8">blue</a>
and <a href="https://x.example">plain</a></p>
<div style="background: #f5f5f5">On light ground, <a href="https://x.example">plain</a></div>
<table><tr><td bgcolor="#1d4ed8"><a href="https://x.example" style="color: #ffffff">Go</a></td>
</tr></table>
"""
COLUMNS = """
<table width="100%"><tr><td width="50%"><b style="color: #111827">{{ left }}</b></td>
<td width="50%" style="background-color: #fff7ed; color: #7c2d12">Right</td></tr></table>
"""
BUTTONS = [
    {"label": label, "action": "https://x.example", "variant": variant, **more}
    for label, variant, more in (
        ("Approve", "solid", {}),
        ("Reject, and say why", "outline", {}),
        ("Later", "solid", {"style_attrs": {"background_color": "#fde68a", "text_color": "#111"}}),
    )
]
WIDE_BUTTON = {**BUTTONS[0], "size_attrs": {"size": "lg", "is_fullwidth": True}}
BLOCKS = [
    {"type": "markdown", "content": MARKDOWN},
    {"type": "divider"},
    {
        "type": "image",
        "url": "https://x.example/wide.svg",
        "alt": "A picture",
        "style_attrs": {"width": "1400px"},
    },
    {"type": "button_set", "buttons": BUTTONS},
    {"type": "button_set", "buttons": [WIDE_BUTTON]},
    {"type": "html", "content": HTML},
    {"type": "partial", "key": "columns", "attrs": {"left": "Left"}},
]
WIDE_PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="1600" height="200"/>'
# The contrast of each text with the ground that it is on (WCAG 2.2, "contrast ratio").
CONTRASTS = """() => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const found = channels(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
    if (!text || !element.checkVisibility()) continue;
    const two = [light(channels(getComputedStyle(element).color)), light(ground(element))];
    found.push([text, (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05)]);
  }
  return found;
}"""


def render(name: str) -> str:
    """Render an e-mail with every kind of block; its HTML."""
    partial = {"name": "Columns", "type": "html", "content": COLUMNS}
    library = Library({"columns": PARTIAL.check(PARTIAL.normalise(partial, {}), "columns")})
    layout = LAYOUTS[name]
    content = render_content(
        ChannelType.EMAIL,
        {"subject": "s", "visual_blocks": BLOCKS, "settings": {"layout_key": name}},
        {"recipient": {"email": "rosa@x.example"}, "data": {}, "vars": {"app_name": "App"}},
        settings={"from_address": "app@x.example"},
        layout=EmailLayout(layout.html_layout, layout.text_layout, footer_links=LINKS),
        lookups=Lookups(library=library),
    )
    return str(content["html_body"])


async def open_email(browser: Any, html: str, width: int = 600, **more: Any) -> Any:
    """Show an e-mail; whatever it asks for is a wide picture."""
    page = await browser.new_page(viewport={"width": width, "height": 800}, **more)
    await page.route(
        "**/*", lambda route: route.fulfill(body=WIDE_PICTURE, content_type="image/svg+xml")
    )
    await page.set_content(html)
    return page


@pytest.mark.parametrize("name", LAYOUTS)
async def test_nothing_is_wider_than_the_window(name: str) -> None:
    """Nobody scrolls sideways, whatever is long or wide in an e-mail."""
    async with real_browser() as browser:
        for width in WIDTHS:
            page = await open_email(browser, render(name), width)
            needed = await page.evaluate("document.documentElement.scrollWidth")
            pictures = await page.evaluate("[...document.images].map(each => each.naturalWidth)")
            assert needed <= width, f"{needed} pixels in a window of {width}"
            assert pictures == [1600, 1600]
            await page.close()


@pytest.mark.parametrize("name", LAYOUTS)
async def test_buttons_need_no_images(name: str) -> None:
    """Where a mail program shows no pictures, buttons have their text and their size."""
    async with real_browser() as browser:
        page = await open_email(browser, render(name), 320)
        await page.unroute("**/*")
        await page.route("**/*", lambda route: route.abort())
        await page.set_content(render(name))
        buttons = page.locator(".block-button")
        texts = [text.strip() for text in await buttons.all_inner_texts()]
        assert texts == ["Approve", "Reject, and say why", "Later", "Approve"]
        for button in await buttons.all():
            box = await button.bounding_box()
            assert box["width"] >= 40
            assert box["height"] >= 40
            assert box["x"] + box["width"] <= 320


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_can_be_read(scheme: str) -> None:
    """In the default layout, also what authors coloured for a light card is read in the dark."""
    async with real_browser() as browser:
        page = await open_email(browser, render("default"), color_scheme=scheme)
        contrasts = await page.evaluate(CONTRASTS)
    assert len(contrasts) > 20
    assert {text: found for text, found in contrasts if found < 4.5} == {}


async def test_a_layout_without_a_dark_side_stays_as_it_is() -> None:
    """A layout that says nothing of the dark is read in it as by day."""
    async with real_browser() as browser:
        page = await open_email(browser, render("own"), color_scheme="dark")
        contrasts = await page.evaluate(CONTRASTS)
    assert {text: found for text, found in contrasts if found < 4.5} == {}
