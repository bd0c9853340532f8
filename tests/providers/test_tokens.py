"""Tokens that providers of push keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from providers.tokens import Token, Tokens

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_token_is_used_until_it_is_old() -> None:
    """Each is found by its secrets alone, and no longer than it is good."""
    tokens = Tokens()
    token = tokens.keep("secret", Token("value", NOW))
    assert tokens.find("secret", NOW - timedelta(seconds=1)) is token
    assert tokens.find("secret", NOW) is None
    assert tokens.find("other", NOW - timedelta(seconds=1)) is None


def test_only_the_token_that_was_refused_is_thrown_away() -> None:
    """Of many that were under way with an old one, none throws away what the first has got."""
    tokens = Tokens()
    old = tokens.keep("secret", Token("old", NOW))
    new = tokens.keep("secret", Token("new", NOW))
    tokens.forget("secret", old)
    assert tokens.find("secret", NOW - timedelta(seconds=1)) is new
    tokens.forget("secret", new)
    assert tokens.find("secret", NOW - timedelta(seconds=1)) is None
