"""Emphasis around Liquid that prints nothing: without it, its marks would be left as text.

In feed items, guides and chat messages Liquid runs before Markdown (Knock docs: "Translations"), so
`**{{ data.name }}**` without a name would be `****`, and a rule if it has a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Marks that touch Liquid on both sides and hold nothing else. In a word `_` emphasises nothing.
_AROUND_LIQUID = re.compile(
    r"(?P<mark>(?<![\\*])\*{1,3}|(?<![\\~])~~|(?<![\\\w])_{1,3})"
    r"(?P<inside>(?=\{)(?:\{\{[^{}\n]*+\}\}|\{%[^{}%\n]*+%\}|[ \t])++)"
    r"(?<=\})(?P=mark)(?![*~])(?!(?<=_)\w)"
)
# What stands in these is looked up, kept or printed as it is written.
_AS_WRITTEN = re.compile(r"\{%-?\s*+(?:capture|comment|doc|raw|t)\b")
# Private-use characters, which no author writes.
_FENCE = "\ue0c3\ue0c4"
_EMPTY = re.compile(rf"(\*{{1,3}}|_{{1,3}}|~~){_FENCE}[ \t]*+{_FENCE}\1")


def render_markdown(source: str, render: Callable[[str], str]) -> str:
    """Render the Liquid of Markdown, and leave out emphasis that has nothing in it.

    Args:
        source: Markdown with Liquid.
        render: renders Liquid; its errors are let through.
    """
    rendered = render(source)
    marks = {found["mark"] for found in _AROUND_LIQUID.finditer(source)}
    if not any(_may_be_empty(mark, rendered) for mark in marks) or _AS_WRITTEN.search(source):
        return rendered
    # What looks empty may be a value (`**** 4242`), or two words side by side: fences tell.
    fenced = _AROUND_LIQUID.sub(rf"\g<mark>{_FENCE}\g<inside>{_FENCE}\g<mark>", source)
    return _EMPTY.sub("", render(fenced)).replace(_FENCE, "")


def _may_be_empty(mark: str, rendered: str) -> bool:
    return re.search(rf"{re.escape(mark)}[ \t]*+{re.escape(mark)}", rendered) is not None
