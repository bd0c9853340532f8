"""Writes Markdown as Slack's own markup (Slack docs: "Formatting text for app surfaces")."""

from __future__ import annotations

from providers.chat.markup import Dialect, written


def to_mrkdwn(markdown: str) -> str:
    """Return text in Slack's markup; what Slack has nothing for stays as plain text."""
    return written(markdown, _SLACK)


def escaped(text: str) -> str:
    """Escape the three characters that mean something to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _link(text: str, address: str) -> str:
    return f"<{escaped(address).replace('|', '%7C')}|{text}>"


_SLACK = Dialect(
    marks={"strong": "*", "em": "_", "s": "~"},
    plain=lambda text, _: escaped(text),
    link=_link,
    code=lambda text, _: f"`{escaped(text)}`",
    fence=lambda text: f"```\n{escaped(text)}```",
    bullet="• ",
    line_break="\n",
    rule="---",
    quote="> ",
)
