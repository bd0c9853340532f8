"""The layout that every environment begins with (Knock docs: "Email layouts", the default one)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from domain.content.email_layout import EmailLayout

DEFAULT_LAYOUT_KEY = "default"


@cache
def default_layout() -> EmailLayout:
    """Return the layout that ships with the product; it has no footer links."""
    folder = files("templating.messages") / "layouts"
    return EmailLayout(
        html_layout=(folder / "default.html").read_text(encoding="utf-8"),
        text_layout=(folder / "default.txt").read_text(encoding="utf-8"),
    )
