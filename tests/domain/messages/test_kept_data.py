"""What a message keeps of its trigger's data, and how it is found by it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.filters import DataFilter
from domain.messages.kept_data import kept_data, kept_filter, may_be_cut, scalars

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=600)


@given(key=st.text(max_size=20), value=SCALARS)
def test_a_filter_is_cut_as_the_data_was(key: str, value: Any) -> None:
    """Whoever looks for the value that a trigger carried finds what the message kept of it."""
    assert kept_filter(DataFilter.of_json({key: value})).matches(kept_data({key: value}))


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ({"a": 1, "b": None, "c": True, "d": "x"}, {"a": 1, "b": None, "c": True, "d": "x"}),
        ({"a": {"b": 1}, "c": [1], "d": 2}, {"d": 2}),
        ({"a": "x" * 257}, {"a": "x" * 256}),
    ],
)
def test_scalars_are_kept_and_strings_cut(data: dict[str, Any], kept: dict[str, Any]) -> None:
    """Objects and lists are left out, strings cut after 256 characters."""
    assert kept_data(data) == kept


def test_of_very_many_keys_the_first_are_kept() -> None:
    """A message keeps 16,384 characters at most, keys included."""
    kept = kept_data({f"key-{n:04}": "x" * 92 for n in range(1_000)})
    assert list(kept) == [f"key-{n:04}" for n in range(163)]


@given(st.dictionaries(st.text(max_size=20), SCALARS | st.lists(st.integers())))
def test_who_has_all_scalars_is_told_apart(data: dict[str, Any]) -> None:
    """Where nothing may have been cut, a message keeps what the trigger carried of them."""
    kept = kept_data(data)
    assert may_be_cut(kept) or kept == scalars(data)


@pytest.mark.parametrize(
    ("data", "is_cut"),
    [
        ({"a": "x" * 255, "b": [1], "c": None}, False),
        ({"a": "x" * 256}, True),
        ({"a": "x" * 300}, True),
        ({f"key-{n:04}": "x" * 92 for n in range(1_000)}, True),
    ],
)
def test_what_was_cut_is_known(data: dict[str, Any], is_cut: bool) -> None:
    """So that for other messages nobody has to look at what their trigger carried."""
    assert may_be_cut(kept_data(data)) is is_cut


def test_what_is_too_long_keeps_nothing_else_out() -> None:
    """An id behind many long texts is kept, and found by it."""
    texts = {f"text-{n:02}": "x" * 256 for n in range(70)}
    kept = kept_data({**texts, "orderId": 7})
    assert kept["orderId"] == 7
    assert 0 < len(kept.keys() & texts.keys()) < len(texts)
