"""Whether a text has Liquid in it. What it renders to is known in `templating/` only."""

from __future__ import annotations


def has_liquid(text: str) -> bool:
    """Tell whether a text has anything to render, an output or a tag; without, it stays itself."""
    return "{{" in text or "{%" in text
