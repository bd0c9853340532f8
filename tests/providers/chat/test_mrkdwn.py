"""Markdown in Slack's own markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.chat.mrkdwn import to_mrkdwn


@pytest.mark.parametrize(
    ("markdown", "mrkdwn"),
    [
        ("**bold** and *italic* and ~~gone~~", "*bold* and _italic_ and ~gone~"),
        ("[text](https://x.example/?a=1&b=2)", "<https://x.example/?a=1&amp;b=2|text>"),
        ("![alt](https://x.example/i.png)", "<https://x.example/i.png|alt>"),
        ("# Title\n\nText", "*Title*\n\nText"),
        ("# A **bold** title", "*A bold title*"),
        ("- a\n- b\n    - c", "• a\n• b\n    • c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("- a\n\nafter", "• a\n\nafter"),
        ("`code <b>`", "`code &lt;b&gt;`"),
        ("```\na < b\n```", "```\na &lt; b\n```"),
        ("> quoted\n> text", "> quoted\n> text"),
        ("a & b < c", "a &amp; b &lt; c"),
        ("<!channel> <b>x</b>", "&lt;!channel&gt; &lt;b&gt;x&lt;/b&gt;"),
        ("one\ntwo", "one\ntwo"),
        ("one\n\ntwo", "one\n\ntwo"),
        ("---", "---"),
        ("[a|b](https://x.example/a|b)", "<https://x.example/a%7Cb|a|b>"),
        ("", ""),
    ],
)
def test_what_slack_has_is_written_in_its_way(markdown: str, mrkdwn: str) -> None:
    """The rest stays as it reads."""
    assert to_mrkdwn(markdown) == mrkdwn


@given(st.text())
def test_nothing_is_a_mention(markdown: str) -> None:
    """Whatever a template renders to, nobody is mentioned, and nothing raises."""
    assert "<!" not in to_mrkdwn(markdown)
    assert "<@" not in to_mrkdwn(markdown)
