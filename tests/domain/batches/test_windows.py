"""Windows of batches: when they close, whatever comes in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.batches.windows import Window, joined_window, opened_window
from domain.kit.durations import Duration, DurationUnit

T0 = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR, MINUTE, SECOND = 3600, 60, 1


def closes_after(
    length: int, items: list[int], *, limit: int | None = None, most: int | None = None
) -> tuple[int, int]:
    """Let items arrive, in seconds, until the window closes; answer when, and with how many."""
    lasting = None if limit is None else Duration(DurationUnit.SECONDS, limit)
    end = T0 + timedelta(seconds=length)
    window = opened_window(end, T0, limit=lasting, max_items=most, item_count=1)
    for at in items[1:]:
        now = T0 + timedelta(seconds=at)
        if not window.takes(now):
            break
        window = joined_window(window, now + timedelta(seconds=length))
        if window.is_over(now):
            return at, window.item_count
    return int((window.closes_at - T0).total_seconds()), window.item_count


@pytest.mark.parametrize(
    ("length", "limit", "most", "items", "expected"),
    [
        pytest.param(MINUTE, 90, None, [0, 30], (90, 2), id="A.1 extended by its item"),
        pytest.param(
            12 * HOUR,
            24 * HOUR,
            None,
            [0, 6 * HOUR, 13 * HOUR, 16 * HOUR],
            (24 * HOUR, 4),
            id="A.1 capped by the limit",
        ),
        pytest.param(
            24 * HOUR, 12 * HOUR, None, [0, 23 * HOUR], (23 * HOUR, 2), id="A.1 at once, included"
        ),
        pytest.param(
            10 * MINUTE, SECOND, None, [0, 5 * MINUTE], (5 * MINUTE, 2), id="A.1 close early"
        ),
        pytest.param(
            10 * MINUTE, None, 3, [0, MINUTE, 2 * MINUTE], (2 * MINUTE, 3), id="A.1 maximum"
        ),
        pytest.param(10 * MINUTE, None, None, [0, 9 * MINUTE], (10 * MINUTE, 2), id="fixed"),
        pytest.param(10 * MINUTE, None, None, [0, 10 * MINUTE], (10 * MINUTE, 1), id="too late"),
    ],
)
def test_a_1_when_a_window_closes(
    length: int, limit: int | None, most: int | None, items: list[int], expected: tuple[int, int]
) -> None:
    """The worked examples of Knock's documentation, and the ends of a fixed window."""
    assert closes_after(length, items, limit=limit, most=most) == expected


_LENGTHS = st.integers(1, 10_000)


@given(
    _LENGTHS,
    _LENGTHS,
    st.lists(st.integers(0, 100_000), min_size=1).map(sorted),
    st.none() | st.integers(2, 20),
)
def test_a_sliding_window_is_bounded(
    length: int, limit: int, items: list[int], most: int | None
) -> None:
    """It is never open longer than its length or its limit say, and never holds too many items."""
    closed, count = closes_after(length, [0, *items], limit=limit, most=most)

    assert closed <= max(length, limit)
    assert most is None or count <= most


@given(_LENGTHS, st.lists(st.integers(0, 100_000)).map(sorted))
def test_a_fixed_window_never_moves(length: int, items: list[int]) -> None:
    """Items of a fixed window are those before its end; none of them changes it."""
    before = [at for at in items if at < length]

    assert closes_after(length, [0, *items]) == (length, 1 + len(before))


@given(st.integers(-100, 100))
def test_an_item_belongs_to_the_window_or_to_the_next(offset: int) -> None:
    """At any instant a window either takes an item or is over: never both, never neither."""
    now = T0 + timedelta(milliseconds=offset)

    assert Window(closes_at=T0).takes(now) != Window(closes_at=T0).is_over(now)


@given(st.integers(0, 50), st.integers(2, 20))
def test_a_window_without_its_items_is_open(removed: int, most: int) -> None:
    """Items that were taken out count no more, and close nothing by leaving."""
    window = Window(T0, max_items=most, item_count=max(0, most - 1 - removed))

    assert not window.is_over(T0 - timedelta(seconds=1))
