"""Writes Markdown with no more than Microsoft Teams shows: bold, italic, lists and links.

Source: Knock docs, "Designing notification templates for Teams"; Microsoft docs, "Format your bot
messages". The rest stays as text, and what is text is never taken for markup.
"""

from __future__ import annotations

import re

from providers.chat.markup import Dialect, written

# Characters that Markdown may take for more than they are; within a word an underscore is one.
_ACTIVE = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|\Z)|[*`\[\]]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|(?<=~)~"
    r"|<(?=[A-Za-z/!?])|!\Z|&(?=#?\w+;)"
)
# What makes a list, a heading, a quote or a rule at the beginning of a line.
_OPENING = re.compile(r"\d{1,9}(?=[.)](?:\s|$))|#(?=[#\s]|$)|>|[-+](?=[-+\s]|$)|=")


def to_teams_markdown(markdown: str) -> str:
    """Return Markdown that Teams shows as it is meant."""
    return written(markdown, _TEAMS)


def _plain(text: str, begins_line: bool) -> str:
    opening = _OPENING.match(text) if begins_line else None
    escaped = _ACTIVE.sub(r"\\\g<0>", text)
    if opening is None:
        return escaped
    # A number itself cannot be escaped, what follows it can.
    number = opening[0] if opening[0].isdigit() else ""
    return f"{number}\\{escaped[len(number) :]}"


def _link(text: str, address: str) -> str:
    target = address.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
    return f"[{text or _plain(address, False)}]({target})"


_TEAMS = Dialect(
    marks={"strong": "**", "em": "_"},
    plain=_plain,
    link=_link,
    code=_plain,
    fence=lambda text: "  \n".join(_plain(line.strip(), True) for line in text.splitlines()),
    bullet="- ",
    line_break="  \n",
    rule="———",
    quote="",
)
