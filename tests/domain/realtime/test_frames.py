"""Frames of the socket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.realtime.frames import BadFrame, Frame, read_frame


def test_a_frame_is_a_list_of_five() -> None:
    """It is read as it is written, and its answer bears the same names."""
    frame = read_frame(["1", "2", "feeds:a:b", "phx_join", {"x": 1}])
    assert frame == Frame("1", "2", "feeds:a:b", "phx_join", {"x": 1})
    assert json.loads(frame.text()) == ["1", "2", "feeds:a:b", "phx_join", {"x": 1}]
    answer = json.loads(frame.reply("error", {"reason": "no"}).text())
    assert answer == [
        *("1", "2", "feeds:a:b", "phx_reply"),
        {"status": "error", "response": {"reason": "no"}},
    ]


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [],
        ["1", "2", "topic", "event"],
        ["1", "2", "topic", "event", {}, 6],
        [1, "2", "topic", "event", {}],
        ["1", 2, "topic", "event", {}],
        ["1", "2", None, "event", {}],
        ["1", "2", "topic", 4, {}],
        ["1", "2", "t" * 513, "event", {}],
    ],
)
def test_anything_else_is_no_frame(value: Any) -> None:
    """Refs are texts or null, topic and event are texts."""
    with pytest.raises(BadFrame):
        read_frame(value)
