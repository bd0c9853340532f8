"""The layout that every environment begins with (Knock docs: "Email layouts", the default one)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from domain.content.email_layout import EmailLayout
from domain.kit.json_types import JsonObject

DEFAULT_LAYOUT_KEY = "default"


@cache
def default_layout() -> EmailLayout:
    """Return the layout that ships with the product; it has no footer links."""
    folder = files("templating.messages") / "layouts"
    return EmailLayout(
        html_layout=(folder / "default.html").read_text(encoding="utf-8"),
        text_layout=(folder / "default.txt").read_text(encoding="utf-8"),
    )


def default_layout_document() -> JsonObject:
    """Return the same layout as the Management API takes it."""
    layout = default_layout()
    return {
        "name": "Default",
        "html_layout": layout.html_layout,
        "text_layout": layout.text_layout,
    }
