"""What a push notification carries of its run's data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.json_types import encoded_size
from domain.messages.pushed_data import MOST_PUSHED_BYTES, fitting, flat, pushed_size

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@given(data=st.dictionaries(st.text(max_size=40), VALUES), room=st.integers(-300, 4_000))
def test_what_is_carried_has_room(data: dict[str, Any], room: int) -> None:
    """In both forms, whatever the data is; where nothing has room, nothing is carried."""
    found = fitting(data, room)
    assert not found or max(encoded_size(found), encoded_size(flat(found))) <= room
    assert set(found) <= set(data)


@pytest.mark.parametrize(
    ("data", "room", "carried"),
    [
        pytest.param({"a": [1, {"b": None}]}, 40, {"a": [1, {"b": None}]}, id="all of it"),
        pytest.param({"a": [1, 2, 3, 4], "b": 5}, 20, {"b": 5}, id="its flat form has no room"),
        pytest.param({"a": "x" * 300, "b": 5}, 280, {"a": "x" * 256, "b": 5}, id="what is kept"),
        pytest.param(
            {"a": "x" * 9, "b": "y" * 90, "c": True}, 40, {"a": "x" * 9, "c": True}, id="some of it"
        ),
        pytest.param({"a": 1}, 5, {}, id="nothing"),
    ],
)
def test_it_is_as_much_as_has_room(
    data: dict[str, Any], room: int, carried: dict[str, Any]
) -> None:
    """All, or what every message keeps of it, or the members of that which have room."""
    assert fitting(data, room) == carried


def test_data_that_would_explode_is_not_flattened() -> None:
    """A long name over many values is told by its nested form; flat it would have 60 MB."""
    data = {"k" * 60_000: [1] * 1_000}
    assert pushed_size(data) == encoded_size(data) > MOST_PUSHED_BYTES
