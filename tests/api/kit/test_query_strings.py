"""Query strings: all encodings of Knock's clients mean the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.kit.query_strings import Query, decode
from domain.kit.errors import InvalidParams
from domain.kit.violations import Violations

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
    assert decode(b"recipient=u1")["recipient"] == "u1"
    node = decode(b"recipient[id]=p&recipient[collection]=c")["recipient"]
    assert node == {"id": "p", "collection": "c"}


@pytest.mark.parametrize("raw", [b"a=1&a[b]=2", b"a[b]=2&a=1", b"a[]=1&a[b]=2", b"a[b]=1&a[]=2"])
def test_contradicting_encodings_are_refused(raw: bytes) -> None:
    """One parameter cannot be a value and an object at once."""
    with pytest.raises(InvalidParams):
        decode(raw)


@given(st.binary(max_size=200) | st.text(alphabet="a[]=&.0%", max_size=60).map(str.encode))
def test_every_query_is_read_or_refused(raw: bytes) -> None:
    """Any bytes are decoded or refused, by every reader, which must not raise anything else."""
    try:
        query = Query(raw)
        query.texts("a")
        query.bounds("inserted_at")
        query.data_filter("a")
        query.integer("a", default=1, low=1, high=2)
    except InvalidParams:
        pass


@pytest.mark.parametrize("raw", [b"", b"a", b"a=", b"a=null", b"a[]=", b"a[x]=null", b"&a&"])
def test_a_key_without_a_value_is_absent(raw: bytes) -> None:
    """Every reader takes a bare key, an empty value and the word null for nothing."""
    query = Query(raw)
    assert query.text("a") is query.texts("a") is query.boolean("a") is query.recipient("a") is None
    assert query.uuid("a") is query.instant("a") is query.data_filter("a") is None
    assert query.choice("a", ("b",)) is None
    assert query.integer("a", default=7, low=1, high=9) == 7
    assert query.bounds("a").gt is None


@pytest.mark.parametrize(
    ("raw", "stored", "is_found"),
    [
        (b"t[a]=42", 42, True),
        (b"t[a]=42", 42.0, True),
        (b"t[a]=42", "42", True),
        (b"t[a]=042", 42, False),
        (b"t[a]=1.5", 1.5, True),
        (b"t[a]=true", True, True),
        (b"t[a]=true", "true", True),
        (b"t[a]=1", True, False),
        (b't={"a":"42"}', 42, False),
        (b't={"a":42}', 42, True),
        (b't={"a":1}', True, False),
        (b't={"a":null}', None, True),
        (b"t[a]=1e999", "1e999", True),
    ],
)
def test_brackets_can_only_carry_text(raw: bytes, stored: object, is_found: bool) -> None:
    """A text finds the number or boolean that it spells; JSON says which it means."""
    wanted = Query(raw).data_filter("t")
    assert wanted is not None
    assert wanted.matches({"a": stored}) is is_found
    assert not wanted.matches({})


def test_all_violations_are_told_at_once() -> None:
    """Each entry of a list, each limit and each reference at its place; good ones are left out."""
    query = Query(b"s[]=x&s[]=a&s[]=y&t[gte]=soon&t[lt]=2026-01-01T00:00:00Z&t[gt]=later&r[][id]=1")
    violations = Violations()
    violations.read(query.texts, "s", choices=("a",))
    violations.read(query.bounds, "t")
    violations.read(query.references, "r")
    assert violations.read(query.references, "nothing") is None
    with pytest.raises(InvalidParams) as refused:
        violations.raise_any()
    assert [error.field for error in refused.value.errors] == ["s[0]", "s[2]", "t.gte", "t.gt"]


def test_nothing_wrong_is_no_violation() -> None:
    """What was read is returned as it is."""
    violations = Violations()
    assert violations.read(Query(b"a=1").integer, "a", default=0, low=0, high=9) == 1
    violations.raise_any()
