"""Tokens that providers of push keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from providers.tokens import Token, Tokens

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE = NOW - timedelta(seconds=1)


def test_a_token_is_used_until_it_is_old() -> None:
    """Each is found by its secrets alone, and no longer than it is good."""
    tokens = Tokens()
    token = tokens.keep("secret", Token("value", NOW), BEFORE)
    assert tokens.find("secret", BEFORE) is token
    assert tokens.find("secret", NOW) is None
    assert tokens.find("other", BEFORE) is None


def test_only_the_token_that_was_refused_is_thrown_away() -> None:
    """Of many that were under way with an old one, none throws away what the first has got."""
    tokens = Tokens()
    old = tokens.keep("secret", Token("old", NOW), BEFORE)
    new = tokens.keep("secret", Token("new", NOW), BEFORE)
    tokens.forget("secret", old)
    assert tokens.find("secret", BEFORE) is new
    tokens.forget("secret", new)
    assert tokens.find("secret", BEFORE) is None


def test_tokens_that_have_ended_are_dropped() -> None:
    """However many secrets a process has seen, it keeps what may still be used."""
    tokens = Tokens()
    for number in range(100):
        now = NOW + timedelta(minutes=number)
        tokens.keep(str(number), Token("value", now + timedelta(minutes=10)), now)
    assert len(tokens._tokens) == 10
