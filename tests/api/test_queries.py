"""Query strings: all encodings of Knock's clients mean the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.queries import Query, decode
from domain.errors import InvalidParams

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [b"s[]=a&s[]=b", b"s%5B%5D=a&s%5B%5D=b", b"s=a&s=b", b"s[0]=a&s[1]=b", b"s[10]=b&s[2]=a"],
)
def test_lists_in_every_encoding(raw: bytes) -> None:
    """Brackets, indices and repetition all make a list; indices give its order."""
    assert Query(raw).texts("s") == ["a", "b"]


def test_one_value_is_a_list_of_one() -> None:
    """A parameter that takes a list also takes a single value."""
    assert Query(b"status=sent").texts("status") == ["sent"]


@pytest.mark.parametrize(
    "raw",
    [
        b"o[][id]=1&o[][collection]=c&o[][id]=2&o[][collection]=d",
        b"o[0][id]=1&o[0][collection]=c&o[1][id]=2&o[1][collection]=d",
    ],
)
def test_lists_of_objects(raw: bytes) -> None:
    """Pairs belong to the current element until one of its keys repeats."""
    assert Query(raw).nodes("o") == [{"id": "1", "collection": "c"}, {"id": "2", "collection": "d"}]


def test_a_mixed_list_keeps_its_order() -> None:
    """A list may hold strings and objects."""
    nodes = Query(b"r[]=u1&r[][id]=p&r[][collection]=c").nodes("r")
    assert nodes == ["u1", {"id": "p", "collection": "c"}]


@pytest.mark.parametrize(
    "raw",
    [
        b"inserted_at[gte]=2026-01-01T00:00:00Z",
        b"inserted_at.gte=2026-01-01T00:00:00Z",
        b"inserted_at[gte]=2026-01-01T00:00:00%2B00:00",
        b"inserted_at[gte]=2026-01-01T01:00:00+01:00",
        b"inserted_at[gte]=2026-01-01",
    ],
)
def test_instants_in_every_encoding(raw: bytes) -> None:
    """Bracket and dot name the same bound, and an unescaped plus is understood."""
    assert Query(raw).bounds("inserted_at").gte == NEW_YEAR


def test_a_reference_is_a_string_or_an_object() -> None:
    """`recipient` may be sent either way."""
    assert Query(b"recipient=u1").node("recipient") == "u1"
    node = Query(b"recipient[id]=p&recipient[collection]=c").node("recipient")
    assert node == {"id": "p", "collection": "c"}


@pytest.mark.parametrize("raw", [b"a=1&a[b]=2", b"a[b]=2&a=1", b"a[]=1&a[b]=2", b"a[b]=1&a[]=2"])
def test_contradicting_encodings_are_refused(raw: bytes) -> None:
    """One parameter cannot be a value and an object at once."""
    with pytest.raises(InvalidParams):
        decode(raw)


@given(st.binary(max_size=200) | st.text(alphabet="a[]=&.0%", max_size=60).map(str.encode))
def test_no_query_is_a_fault(raw: bytes) -> None:
    """Any bytes are decoded or refused, and so is every reader of them."""
    try:
        query = Query(raw)
        query.texts("a")
        query.bounds("inserted_at")
        query.flat_object("a")
        query.integer("a", default=1, low=1, high=2)
    except InvalidParams:
        pass
