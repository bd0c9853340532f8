"""What a preference center may say, and how a stored one is read."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.shapes import read_shape
from domain.preferences.center import (
    BUILT_IN,
    NO_CENTER,
    CenterIn,
    PreferenceCenter,
    RowType,
)

CHANNEL = str(uuid4())


def center(*rows: Any, **members: Any) -> dict[str, Any]:
    """Return a center as it is sent."""
    return {"config": {"title": "Mine", "body": "Choose", "rows": list(rows), **members}}


def row(kind: str, identifier: str | None = None, **members: Any) -> dict[str, Any]:
    """Return a row as it is sent."""
    return {"type": kind, "name": "A row", "identifier": identifier, **members}


def test_what_is_stored_has_a_row_about_commercial_messages() -> None:
    """It cannot be taken away; one that is given stays where it is."""
    bare = read_shape(CenterIn, center(row("category", "news"))).config.content()
    assert [one["type"] for one in bare["rows"]] == ["category", "commercial_subscribed"]
    own = row("commercial_subscribed", description="Ours")
    kept = read_shape(CenterIn, center(own, row("category", "news"))).config.content()
    assert [one["type"] for one in kept["rows"]] == ["commercial_subscribed", "category"]
    assert kept["rows"][0]["description"] == "Ours"


def test_every_type_of_row_is_taken() -> None:
    """Each with what belongs to it; nulls and empty lists say nothing."""
    sent = center(
        row("category", "Product news", channel_types=["email", "sms", "email"]),
        row("workflow", "new-comment", channel_types=[]),
        row("channel", CHANNEL.upper(), channel_types=None),
        row("channel_types", channel_types=["push"]),
        row("commercial_subscribed"),
    )
    content = read_shape(CenterIn, sent).config.content()
    rows = PreferenceCenter(enabled=True, config=content).rows()
    assert [(one.type, one.identifier, one.channel_types) for one in rows] == [
        (RowType.CATEGORY, "Product news", ("email", "sms")),
        (RowType.WORKFLOW, "new-comment", ()),
        (RowType.CHANNEL, CHANNEL, ()),
        (RowType.CHANNEL_TYPES, None, ("push",)),
        (RowType.COMMERCIAL, None, ()),
    ]


@pytest.mark.parametrize(
    ("sent", "places"),
    [
        ({}, ["config"]),
        ({"config": {}}, ["config.title", "config.rows"]),
        (center(row("category")), ["config.rows[0].identifier"]),
        (center(row("workflow", "")), ["config.rows[0].identifier"]),
        (center(row("channel", "smtp")), ["config.rows[0].identifier"]),
        (center(row("commercial_subscribed", "x")), ["config.rows[0].identifier"]),
        (center(row("channel_types", "email")), ["config.rows[0].identifier"]),
        (center(row("planet")), ["config.rows[0].type"]),
        (center({"name": "x"}), ["config.rows[0].type"]),
        (
            center({"type": "commercial_subscribed"}, row("category")),
            ["config.rows[0].name", "config.rows[1].identifier"],
        ),
        (
            center(row("channel", CHANNEL, channel_types=["email"])),
            ["config.rows[0].channel_types"],
        ),
        (
            center(row("category", "a", channel_types=["in_app_guide"])),
            ["config.rows[0].channel_types"],
        ),
        (center(row("category", "a"), row("category", "a")), ["config.rows[1].identifier"]),
        (
            center(row("commercial_subscribed"), row("commercial_subscribed")),
            ["config.rows[1].type"],
        ),
        (center(*[row("category", str(i)) for i in range(101)]), ["config.rows"]),
        (center(title=" "), ["config.title"]),
        (center(title=7, body=7), ["config.title", "config.body"]),
        ({**center(), "enabled": "yes"}, ["enabled"]),
    ],
)
def test_each_fault_is_told_at_its_place(sent: dict[str, Any], places: list[str]) -> None:
    """All of them at once."""
    with pytest.raises(InvalidParams) as refused:
        read_shape(CenterIn, sent)
    assert [error.field for error in refused.value.errors] == places


def test_while_it_is_off_only_commercial_messages_are_shown() -> None:
    """Whatever else is configured."""
    content = read_shape(CenterIn, center(row("category", "news"))).config.content()
    off = PreferenceCenter(enabled=False, config=content)
    assert [one.type for one in off.rows()] == [RowType.COMMERCIAL]
    assert [one.type for one in NO_CENTER.rows()] == [RowType.COMMERCIAL]
    assert NO_CENTER.text("title") == BUILT_IN["title"]


@pytest.mark.parametrize("rows", [None, 7, [7, {"type": "planet"}, {"type": "category"}]])
def test_a_stored_row_that_cannot_be_read_is_left_out(rows: Any) -> None:
    """The others are shown, and nothing fails."""
    config = {"rows": rows, "title": 7}
    odd = PreferenceCenter(enabled=True, config=config)
    assert [one.type for one in odd.rows()] == [RowType.COMMERCIAL]
    assert odd.text("title") == ""
