"""Audiences as authors write them: what is refused at which place, and who fulfils what is kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.audience import AUDIENCE, Audience, AudienceType
from domain.kit.errors import InvalidParams
from tests.support.builders import T0

IS_PRO = {"property": "recipient.plan", "operator": "equal_to", "argument": "pro"}


def _check(**document: Any) -> Audience:
    whole = {"name": "Pro", "type": "dynamic", **document}
    return AUDIENCE.check(AUDIENCE.normalise(whole, {}), "pro")


def _segment(*conditions: Any) -> dict[str, Any]:
    return {"conditions": list(conditions)}


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ({"type": None}, ["type"]),
        ({"type": "other"}, ["type"]),
        ({"type": "static", "segments": [_segment(IS_PRO)]}, ["segments"]),
        ({"segments": {}}, ["segments"]),
        ({"segments": [5, {}]}, ["segments[0].conditions", "segments[1].conditions"]),
        ({"segments": [_segment(5)]}, ["segments[0].conditions[0]"]),
        (
            {"segments": [_segment(IS_PRO, {"operator": "is", "argument": "x"})]},
            ["segments[0].conditions[1].property", "segments[0].conditions[1].operator"],
        ),
        (
            {"segments": [_segment({**IS_PRO, "argument": "{% if recipient.x %}a{% endif %}"})]},
            ["segments[0].conditions[0].argument"],
        ),
        (
            {"segments": [_segment({**IS_PRO, "argument": "{{ recipient.x }}"})]},
            ["segments[0].conditions[0].argument"],
        ),
        (
            {"segments": [_segment({**IS_PRO, "property": "created_at"})]},
            ["segments[0].conditions[0].property"],
        ),
        (
            {"segments": [_segment({**IS_PRO, "operator": "is_audience_member"})]},
            ["segments[0].conditions[0].operator"],
        ),
        ({"segments": [_segment()] * 101}, ["segments"]),
        ({"description": "x" * 281}, ["description"]),
    ],
)
def test_what_is_refused(document: dict[str, Any], places: list[str]) -> None:
    """Every violation stands at its place, and the left side of a condition is its property."""
    with pytest.raises(InvalidParams) as refusal:
        _check(**document)
    assert [error.field for error in refusal.value.errors] == places


def test_a_property_may_be_bare() -> None:
    """A property is one of the user's, with or without the name of the recipient before it."""
    for name in ("plan", "recipient.plan"):
        audience = _check(segments=[_segment({**IS_PRO, "property": name})])
        assert audience.includes({"plan": "pro"}, T0)
        assert not audience.includes({"plan": "free"}, T0)


def test_nobody_and_everybody() -> None:
    """Without segments nobody is in; a segment without conditions is fulfilled by everybody."""
    assert not _check().includes({}, T0)
    assert _check(segments=[_segment()]).includes({}, T0)


@pytest.mark.parametrize(
    ("condition", "moves"),
    [
        (IS_PRO, False),
        ({"property": "at", "operator": "is_timestamp_before_now"}, True),
        ({"property": "at", "operator": "is_timestamp_before", "argument": "30_days_ago"}, True),
        ({"property": "at", "operator": "is_timestamp_before", "argument": "2026-01-01"}, False),
    ],
)
def test_what_moves_with_time(condition: Any, *, moves: bool) -> None:
    """An audience moves by itself when one of its conditions is about now."""
    assert _check(segments=[_segment(IS_PRO), _segment(condition)]).moves_with_time is moves


def test_the_type_stays() -> None:
    """An audience of one type is not followed by one of the other."""
    static, dynamic = Audience(AudienceType.STATIC), Audience(AudienceType.DYNAMIC)
    AUDIENCE.succeed(static, static)
    for before, after in ((static, dynamic), (dynamic, static)):
        with pytest.raises(InvalidParams) as refusal:
            AUDIENCE.succeed(before, after)
        assert refusal.value.errors[0].field == "type"


def test_what_cannot_be_read_is_fulfilled_by_nobody() -> None:
    """A stored segment with a condition of another version lets nobody in."""
    for segment in (5, {}, _segment(5), _segment(IS_PRO, {"property": "x", "operator": "new"})):
        audience = AUDIENCE.read({"type": "dynamic", "segments": [segment]}, "pro")
        assert not audience.includes({"plan": "pro"}, T0)


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), max_size=3), max_size=3
    ),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
)
def test_segments_are_or_and_conditions_and(
    segments: list[list[tuple[str, int]]], user: dict[str, int]
) -> None:
    """Whoever fulfils all conditions of some segment is in it, and nobody else."""
    audience = _check(
        segments=[
            _segment(
                *(
                    {"property": name, "operator": "equal_to", "argument": str(value)}
                    for name, value in each
                )
            )
            for each in segments
        ]
    )
    expected = any(all(user.get(name) == value for name, value in each) for each in segments)
    assert audience.includes(user, T0) is expected
