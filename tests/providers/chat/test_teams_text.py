"""Markdown that Microsoft Teams shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from providers.chat.ms_teams_text import to_teams_markdown

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
_SHOWN = {"paragraph", "inline", "bullet_list", "ordered_list", "list_item"}
_SHOWN_WITHIN = {"text", "softbreak", "hardbreak", "strong", "em", "link"}


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("**bold** and *italic*", "**bold** and _italic_"),
        ("[text](https://x.example/?a=1&b=2)", "[text](https://x.example/?a=1&b=2)"),
        ("[a](<https://x.example/(b)>)", "[a](https://x.example/%28b%29)"),
        ("- a\n- b\n    - c", "- a\n- b\n    - c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("# A **bold** title\n\nText", "**A bold title**\n\nText"),
        ("![alt](https://x.example/i.png)", "[alt](https://x.example/i.png)"),
        ("![](https://x.example/i.png)", "[https://x.example/i.png](https://x.example/i.png)"),
        ("~~gone~~ and `co*de`", r"gone and co\*de"),
        ("```\na < b\n*c*\n```", "a < b  \n\\*c\\*"),
        ("> quoted\n> text", "quoted\ntext"),
        ("one\\\ntwo", "one  \ntwo"),
        ("one\n\ntwo", "one\n\ntwo"),
        ("---", "———"),
        ("<b>x</b> 1 < 2", r"\<b>x\</b> 1 < 2"),
        ("snake_case_name and \\_x\\_", r"snake_case_name and \_x\_"),
        ("1\\. not a list", r"1\. not a list"),
        ("\\- nor this", r"\- nor this"),
        ("\\# nor a heading", r"\# nor a heading"),
        ("", ""),
    ],
)
def test_what_teams_shows_is_kept(markdown: str, shown: str) -> None:
    """Bold, italic, lists and links; the rest stays as text."""
    assert to_teams_markdown(markdown) == shown


def within(markdown: str) -> tuple[set[str], str]:
    """Return which kinds of markup a text has, and what is read of it."""
    kinds: set[str] = set()
    text = ""
    for block in _MARKDOWN.parse(markdown):
        kinds.add(block.type.removesuffix("_open").removesuffix("_close"))
        for token in block.children or ():
            kinds.add(token.type.removesuffix("_open").removesuffix("_close"))
            text += token.content
    return kinds, text


@given(st.lists(st.sampled_from(["a", " ", "_", "*", "[x](y)", "`", "~~", "#", "<b>", "1.", "\\"])))
def test_nothing_else_is_written(parts: list[str]) -> None:
    """Whatever a line holds, Teams reads of it what the author's Markdown says, and no more."""
    markdown = "a " + "".join(parts)
    kinds, _ = within(to_teams_markdown(markdown))
    assert kinds <= _SHOWN | _SHOWN_WITHIN


@given(st.text("a_*[]()`~#<>!-+.1\\ ", min_size=1).map(str.strip).filter(bool))
def test_text_is_never_markup(text: str) -> None:
    """What was escaped by the author is read as it stands."""
    escaped = "".join(rf"\{each}" if not each.isalnum() and each != " " else each for each in text)
    assert within(to_teams_markdown(escaped))[1] == within(escaped)[1]
