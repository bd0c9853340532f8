"""What a feed's answers show of an object."""

from __future__ import annotations

from typing import Any

import pytest

from domain.channels.response_filter import (
    NONE,
    parse_response_filter,
    read_response_filter,
)
from domain.kit.errors import InvalidParams

DATA = {
    "id": 1,
    "card": {"last4": 1, "name": "A"},
    "lines": [{"price": 1, "name": "a"}, 5, [{"price": 2}]],
    "note": "x",
}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (None, DATA),
        (True, DATA),
        (False, {}),
        ({"only": []}, {}),
        ({"except": []}, DATA),
        ({"only": ["id", "nowhere", "note.deep"]}, {"id": 1}),
        ({"only": ["card.last4", "card.nowhere"]}, {"card": {"last4": 1}}),
        ({"only": ["card.last4", "card"]}, {"card": DATA["card"]}),
        ({"only": ["lines.price"]}, {"lines": [{"price": 1}, [{"price": 2}]]}),
        ({"except": ["card", "lines", "note.deep"]}, {"id": 1, "note": "x"}),
        ({"except": ["card.last4", "lines", "note"]}, {"id": 1, "card": {"name": "A"}}),
        (
            {"except": ["id", "card", "note", "lines.price"]},
            {"lines": [{"name": "a"}, 5, [{}]]},
        ),
    ],
)
def test_paths_lead_to_what_is_shown_or_is_not(said: Any, shown: Any) -> None:
    """Names are joined by dots, and a list is gone through element by element."""
    assert parse_response_filter({"data": said}, "f").data.of(DATA) == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"only": ["card.last4", "inner.note"]}, {"card": {"last4": 1}, "note": "x"}),
        ({"only": ["inner"]}, DATA),
        ({"except": ["inner.card", "lines", "note"]}, {"id": 1}),
        ({"except": ["inner"]}, {}),
        (False, {}),
        (True, DATA),
    ],
)
def test_paths_may_begin_with_what_they_lead_through(said: Any, shown: Any) -> None:
    """Of what stands under a name, whether that is named in them or not."""
    found = parse_response_filter({"actor": said}, "f").actor.within("inner")
    assert found.of(DATA) == shown


@pytest.mark.parametrize(
    ("raw", "places"),
    [
        ([], ["f"]),
        ("no", ["f"]),
        ({"actors": False, "data": True}, ["f.actors"]),
        ({"vars": 1, "actor": "all", "data": []}, ["f.vars", "f.actor", "f.data"]),
        ({"actor": {}, "data": {"only": [], "except": []}}, ["f.actor", "f.data"]),
        ({"actor": {"without": ["a"]}, "data": {"only": "a"}}, ["f.actor", "f.data.only"]),
        (
            {"data": {"except": ["a", "", "a..b", 1, ".".join("a" * 11), "a" * 1025, "a" * 9]}},
            [f"f.data.except[{index}]" for index in range(1, 6)],
        ),
        ({"data": {"only": ["a"] * 101}}, ["f.data.only"]),
    ],
)
def test_what_cannot_be_meant_is_refused(raw: Any, places: list[str]) -> None:
    """Every fault at its place: what was meant to be hidden would be shown."""
    with pytest.raises(InvalidParams) as refused:
        parse_response_filter(raw, "f")
    assert [error.field for error in refused.value.errors] == places


def test_a_stored_one_that_cannot_be_read_hides_all() -> None:
    """Whoever wrote it wanted something hidden; no setting shows all."""
    found = read_response_filter({"response_filter": {"actors": False}})
    assert {found.vars, found.actor, found.recipient, found.data} == {NONE}
    assert read_response_filter({"response_filter": None}).actor.of(DATA) == DATA
    assert read_response_filter({}).vars.of(DATA) == DATA
