"""The most recently used values, up to a bound."""

from __future__ import annotations

from domain.kit.recent import Recent


def test_the_longest_unused_goes_first() -> None:
    """What was read lately stays, what was not is forgotten."""
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert [recent.get(key) for key in "abc"] == [1, None, 3]


def test_values_are_weighed() -> None:
    """A heavy value takes the place of several light ones, also when it replaces its own."""
    recent: Recent[str, str] = Recent(10)
    for key in "abc":
        recent.put(key, key, weight=3)
    recent.put("c", "heavier", weight=7)
    assert [recent.get(key) for key in "abc"] == [None, "b", "heavier"]


def test_what_is_too_heavy_is_not_remembered() -> None:
    """A value above the bound leaves the others alone, but for what it replaces."""
    recent: Recent[str, str] = Recent(10)
    recent.put("a", "a", weight=5)
    recent.put("b", "b", weight=5)
    recent.put("huge", "huge", weight=11)
    recent.put("b", "huge as well", weight=11)
    assert [recent.get(key) for key in ("a", "b", "huge")] == ["a", None, None]
