"""Operators of conditions: the table of cases, and laws that hold for all values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conditions import MISSING, ConditionScope, evaluate, parse_condition_group

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def holds(value: Any, operator: str, argument: Any = None) -> bool:
    """Judge one condition on `data.v`; MISSING leaves the variable out."""
    condition = {"variable": "data.v", "operator": operator, "argument": argument}
    group = parse_condition_group({"all": [condition]})
    data = {} if value is MISSING else {"v": value}
    values = {"data": {**data, "five": 5, "name": "Ada", "tags": ["a", "b"]}}
    return evaluate(group, ConditionScope(values, NOW)).passed


PRESENCE = [
    # value, exists, empty
    (MISSING, False, True),
    (None, False, True),
    ("", True, True),
    ([], True, True),
    ({}, True, False),
    (0, True, False),
    (False, True, False),
    ("x", True, False),
    ([None], True, False),
]


@pytest.mark.parametrize(("value", "exists", "empty"), PRESENCE)
def test_presence(value: Any, exists: bool, empty: bool) -> None:
    """`exists` means set and not null; empty are "", null, [] and unset, not {}."""
    assert holds(value, "exists") is exists
    assert holds(value, "not_exists") is not exists
    assert holds(value, "empty") is empty
    assert holds(value, "not_empty") is not empty


@pytest.mark.parametrize(
    ("value", "argument", "expected"),
    [
        (5, "5", True),
        (5.0, "5", True),
        ("5", "5", False),
        ("5", '"5"', True),
        (5, 5, True),
        (True, "true", True),
        (1, "true", False),
        (True, "1", False),
        (True, 1, False),
        ("true", "true", False),
        (None, "null", True),
        (None, None, True),
        (MISSING, None, False),
        (MISSING, "", True),
        (0, None, False),
        (False, "0", False),
        ("pro", "pro", True),
        ("Pro", "pro", False),
        ([1, {"a": [True]}], '[1.0, {"a": [true]}]', True),
        ([1, {"a": [True]}], '[1, {"a": [1]}]', False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ([], {}, False),
        (5, "data.five", True),
        ("Ada", "data.name", True),
        (MISSING, "data.nothing", True),
        ("NaN", "NaN", True),
        ("1e999", "1e999", True),
    ],
    ids=repr,
)
def test_equality(value: Any, argument: Any, expected: bool) -> None:
    """Equal means same JSON type and value, however deep; arguments are decoded first."""
    assert holds(value, "equal_to", argument) is expected
    assert holds(value, "not_equal_to", argument) is not expected


@pytest.mark.parametrize(
    ("value", "argument", "sign"),
    [
        (5, "4", 1),
        (5, "5.0", 0),
        (-1, "data.five", -1),
        ("b", "a", 1),
        ("a", "B", 1),
        ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", 0),
        ("2026-02-01", "2026-01-31T23:00:00-05:00", -1),
        ("5", "4", None),
        (True, "0", None),
        (True, "false", None),
        (None, "null", None),
        (None, None, None),
        (MISSING, "0", None),
        ([2], "[1]", None),
        ({}, "{}", None),
        (10**400, "1.5", 1),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_order(value: Any, argument: Any, sign: int | None) -> None:
    """Numbers and texts have an order, timestamps by instant; other pairs make every test false."""
    assert holds(value, "greater_than", argument) is (sign == 1)
    assert holds(value, "less_than", argument) is (sign == -1)
    assert holds(value, "greater_than_or_equal_to", argument) is (sign in (0, 1))
    assert holds(value, "less_than_or_equal_to", argument) is (sign in (0, -1))


@pytest.mark.parametrize(
    ("value", "argument", "expected"),
    [
        (1, "[1, 3]", True),
        (3, [1, 3], True),
        (3.01, [1, 3], False),
        ("b", ["a", "c"], True),
        ("2", [1, 3], False),
        (MISSING, [1, 3], False),
        (2, ["1", 3], False),
        (2, "data.tags", False),
        (2, "data.name", False),
    ],
)
def test_between(value: Any, argument: Any, expected: bool) -> None:
    """Both bounds of `is_between` belong to it."""
    assert holds(value, "is_between", argument) is expected


@pytest.mark.parametrize(
    ("value", "argument", "expected"),
    [
        ("senior engineer", "engineer", True),
        ("senior engineer", "Engineer", False),
        (["beta"], '["vip","beta"]', True),
        (["beta"], ["vip"], False),
        (["beta"], "beta", True),
        ("beta", ["vip", "beta"], True),
        (5, "[4, 5]", True),
        ([5], "5", True),
        (["5"], "5", False),
        ("order 5", "5", True),
        ("it is true", "true", True),
        ("is false", "false", True),
        ("nullable", "null", True),
        ("x1e3y", "1e3", True),
        ("1000.0", "1e3", False),
        ("5.10", "5.10", True),
        ("order 5", 5, True),
        ('say {"a": 1}', '{"a": 1}', True),
        ('the "5"', '"5"', True),
        ("it is true", True, False),
        (True, "true", False),
        ([True], "true", True),
        (["true"], "true", False),
        ("beta", '["vip", "beta"]', True),
        ([{"a": 1}], '{"a": 1}', True),
        ([{"a": 1}], '{"a": true}', False),
        ([[1]], [[1]], True),
        ([True], "1", False),
        ([None], "null", True),
        ({"a": 1}, "a", False),
        (MISSING, "a", False),
        (None, "a", False),
        (5, "5", False),
        ("a", "data.tags", True),
        ([], "data.tags", False),
    ],
    ids=repr,
)
def test_contains(value: Any, argument: Any, expected: bool) -> None:
    """`contains` is substring in a text, membership either way round, or a shared element."""
    assert holds(value, "contains", argument) is expected
    assert holds(value, "not_contains", argument) is not expected


@pytest.mark.parametrize(
    ("value", "argument", "expected"),
    [
        (["admin", "editor", "viewer"], ["admin", "editor"], True),
        (["admin"], '["admin","editor"]', False),
        ([1, [2]], [[2], 1.0], True),
        ([], [], True),
        ("admin", ["admin"], False),
        (MISSING, ["admin"], False),
        (["a", "b", "c"], "data.tags", True),
        (["a"], "data.name", False),
    ],
)
def test_contains_all(value: Any, argument: Any, expected: bool) -> None:
    """`contains_all` needs a list with every element of the argument; its negation is the rest."""
    assert holds(value, "contains_all", argument) is expected
    assert holds(value, "not_contains_all", argument) is not expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-06-15T12:00:00Z", True),
        ("2026-06-15", True),
        ("2026-06-15T12:00:00.123456-07:00", True),
        ("2026-13-01", False),
        ("30_days_ago", False),
        ("soon", False),
        ("", False),
        (MISSING, False),
        (1781524800, False),
        (None, False),
        ("9999-12-31T23:59:59-05:00", False),
    ],
)
def test_is_timestamp(value: Any, expected: bool) -> None:
    """A timestamp is an ISO 8601 date or date-time, as text."""
    assert holds(value, "is_timestamp") is expected
    assert holds(value, "is_not_timestamp") is not expected


@pytest.mark.parametrize(
    ("value", "argument", "sign"),
    [
        ("2026-06-14", "2026-06-15", -1),
        ("2026-06-15", "2026-06-15T00:00:00Z", 0),
        ("2026-06-15T02:00:00+01:00", "2026-06-15T00:00:00Z", 1),
        ("2026-06-15T11:29:59Z", "30 minutes ago", -1),
        ("2026-06-15T11:30:00Z", "30_minutes_ago", 0),
        ("2026-06-15T14:00:00Z", "2_hours_from_now", 0),
        ("2026-06-16T12:00:00Z", "1 day from now", 0),
        ("2026-05-16T11:59:59Z", "30_days_ago", -1),
        ("2026-06-01T12:00:00Z", "2 Weeks Ago", 0),
        ("20260614", "20260615", -1),
        ("soon", "2026-06-15", None),
        (MISSING, "2026-06-15", None),
        ("2026-06-15", "data.name", None),
        ("2026-06-15", "data.five", None),
        ("2026-06-15", "9999999 weeks from now", None),
    ],
)
def test_timestamp_comparisons(value: Any, argument: str, sign: int | None) -> None:
    """Timestamps compare by instant, relative ones from now; what is no timestamp is false."""
    assert holds(value, "is_timestamp_before", argument) is (sign == -1)
    assert holds(value, "is_timestamp_on_or_after", argument) is (sign in (0, 1))
    assert holds(value, "is_timestamp_after", argument) is (sign == 1)


@pytest.mark.parametrize(
    ("value", "argument", "before", "from_on"),
    [
        ("2026-06-14T23:59:59Z", "2026-06-15T12:00:00Z", True, False),
        ("2026-06-15T00:00:00Z", "2026-06-15T12:00:00Z", False, True),
        ("2026-06-15T20:00:00-07:00", "2026-06-16", False, True),
        ("never", "2026-06-16", False, False),
    ],
)
def test_legacy_date_operators(value: str, argument: str, before: bool, from_on: bool) -> None:
    """The operators of old workflows on dates compare the days in UTC."""
    assert holds(value, "is_timestamp_before_date", argument) is before
    assert holds(value, "is_timestamp_on_or_after_date", argument) is from_on


@pytest.mark.parametrize(
    ("value", "before", "from_on"),
    [
        ("2026-06-15T11:59:59Z", True, False),
        ("2026-06-15T12:00:00Z", False, True),
        ("tomorrow", False, False),
        (MISSING, False, False),
    ],
)
def test_comparison_with_now(value: Any, before: bool, from_on: bool) -> None:
    """Before now, and now or later; never both, and neither for what is no timestamp."""
    assert holds(value, "is_timestamp_before_now") is before
    assert holds(value, "is_timestamp_on_or_after_now") is from_on


@pytest.mark.parametrize(
    ("value", "argument", "expected"),
    [
        ("2026-06-01", '["2026-06-01", "2026-06-30"]', True),
        ("2026-06-30", ["2026-06-01", "2026-06-30"], True),
        ("2026-06-30T00:00:01Z", ["2026-06-01", "2026-06-30"], False),
        ("x", ["2026-06-01", "2026-06-30"], False),
        ("2026-06-15", "data.tags", False),
        ("2026-06-15", "data.name", False),
    ],
)
def test_timestamp_between(value: str, argument: Any, expected: bool) -> None:
    """Both ends of `is_timestamp_between` belong to it."""
    assert holds(value, "is_timestamp_between", argument) is expected


@pytest.mark.parametrize(
    ("value", "operator", "argument"),
    [(5, "equal_to", '"5"'), ("5", "equal_to", "5"), ("10", "greater_than", "9")],
)
def test_a_numeric_string_is_not_a_number(value: Any, operator: str, argument: str) -> None:
    """A string that spells a number neither equals a number nor has an order beside one."""
    assert not holds(value, operator, argument)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NEGATIONS = {
    "equal_to": "not_equal_to",
    "contains": "not_contains",
    "exists": "not_exists",
    "empty": "not_empty",
    "is_timestamp": "is_not_timestamp",
}


@given(json_values | st.just(MISSING), json_values.filter(lambda v: not isinstance(v, str)))
def test_any_data_gives_a_verdict_and_negations_negate(value: Any, argument: Any) -> None:
    """No data makes a condition raise, and a negated operator is always the opposite."""
    for operator, negation in NEGATIONS.items():
        assert holds(value, operator, argument) is not holds(value, negation, argument)


@given(json_values)
def test_everything_equals_itself(value: Any) -> None:
    """A value compared with its own path is equal, and a list contains all of itself."""
    assert holds(value, "equal_to", "data.v")
    if isinstance(value, list):
        assert holds(value, "contains_all", "data.v")


def test_depth_is_no_danger() -> None:
    """Data nested deeper than Python's own stack is compared all the same."""
    one: list[Any] = []
    other: list[Any] = []
    for _ in range(50_000):
        one, other = [one], [other]

    assert holds(one, "equal_to", other)
    assert not holds(one, "equal_to", [other])
