"""Shapes that are answered: what is written of them, and what their documents promise."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from api.kit.shapes import answer
from domain.kit.answers import LeftOut, Moment, Out


class ThingOut(Out):
    """A thing."""

    typename: Annotated[Literal["Thing"], Field(alias="__typename")] = "Thing"
    at: Moment | None
    data: Any = None
    owner: LeftOut[str] = None


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _written(thing: ThingOut) -> Any:
    return json.loads(answer(thing).body)


def test_a_member_without_a_value_is_left_out_or_null() -> None:
    """Null is written where the shape allows it, and nothing where it may be left out."""
    assert _written(ThingOut(at=None)) == {"__typename": "Thing", "at": None, "data": None}
    assert _written(ThingOut(at=None, owner="ann"))["owner"] == "ann"


@pytest.mark.parametrize("moment", [NOON, NOON.astimezone(timezone(timedelta(hours=2)))])
def test_instants_are_written_in_utc_with_microseconds(moment: datetime) -> None:
    """Whatever zone an instant is in, clients see one form."""
    assert _written(ThingOut(at=moment))["at"] == "2026-03-01T12:00:00.000000Z"


@pytest.mark.parametrize(
    "value", [10**400, -(2**63), 1e308, 0.1, "é\u2028\U0001f600", {"a": [{"b": None}]}, [True]]
)
def test_content_is_answered_as_it_was_stored(value: Any) -> None:
    """Of a customer's own values none is changed, integers beyond any machine's included."""
    assert _written(ThingOut(at=None, data=value))["data"] == value


def test_a_list_of_shapes_is_an_array() -> None:
    """A bare list, an empty one too, is one JSON array."""
    assert json.loads(answer([ThingOut(at=None), ThingOut(at=None)]).body)[1]["at"] is None
    assert answer([]).body == b"[]"


def test_the_document_requires_what_is_always_answered() -> None:
    """Constants and nulls are always there; what may be left out is optional, and never null."""
    document = ThingOut.model_json_schema(mode="serialization")
    assert document["required"] == ["__typename", "at", "data"]
    assert document["properties"]["owner"] == {"title": "Owner", "type": "string"}
