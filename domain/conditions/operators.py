"""The table of operators (Knock docs: "Conditions", operators).

An operator's test takes the variable's value, the argument's value and now. Only the operators
about presence see MISSING; all others see `""` in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from domain.conditions.comparisons import are_equal, compare, contains, contains_all
from domain.conditions.paths import MISSING
from domain.conditions.timestamps import read_timestamp
from domain.kit.clock import parse_instant
from domain.kit.json_types import JsonValue

Test = Callable[[JsonValue, JsonValue, datetime], bool]


class ArgumentKind(Enum):
    """What an operator wants on its right side; a PART is looked for in a text or a list."""

    NONE = auto()
    ANY = auto()
    PART = auto()
    LIST = auto()
    PAIR = auto()
    TIMESTAMP = auto()
    TIMESTAMP_PAIR = auto()
    AUDIENCE = auto()


@dataclass(frozen=True, slots=True)
class Operator:
    """A test with the kind of its argument."""

    test: Test
    argument: ArgumentKind = ArgumentKind.ANY
    sees_missing: bool = False


def negated(test: Test) -> Test:
    """Return the opposite of a test."""
    return lambda value, argument, now: not test(value, argument, now)


def ordered(accepts: Callable[[int], bool]) -> Test:
    """Test by order; values without an order between them give false."""

    def test(value: JsonValue, argument: JsonValue, _now: datetime) -> bool:
        sign = compare(value, argument)
        return sign is not None and accepts(sign)

    return test


def timed(accepts: Callable[[datetime, datetime], bool]) -> Test:
    """Test two instants; a side that is not a timestamp gives false."""

    def test(value: JsonValue, argument: JsonValue, now: datetime) -> bool:
        left, right = parse_instant(value), read_timestamp(argument, now)
        return left is not None and right is not None and accepts(left, right)

    return test


def _equal_to(value: JsonValue, argument: JsonValue, _now: datetime) -> bool:
    return are_equal(value, argument)


def _is_between(value: JsonValue, argument: JsonValue, _now: datetime) -> bool:
    if not isinstance(argument, list) or len(argument) != 2:
        return False
    low, high = compare(argument[0], value), compare(value, argument[1])
    return low is not None and high is not None and low <= 0 and high <= 0


def _contains(value: JsonValue, argument: JsonValue, _now: datetime) -> bool:
    return contains(value, argument)


def _contains_all(value: JsonValue, argument: JsonValue, _now: datetime) -> bool:
    return contains_all(value, argument)


def _empty(value: JsonValue, _argument: JsonValue, _now: datetime) -> bool:
    # An empty object is not empty: Knock's list of empty values does not name it.
    return value is MISSING or value is None or value in ("", [])


def _exists(value: JsonValue, _argument: JsonValue, _now: datetime) -> bool:
    return value is not MISSING and value is not None


def _is_timestamp(value: JsonValue, _argument: JsonValue, _now: datetime) -> bool:
    return parse_instant(value) is not None


def _is_before_now(value: JsonValue, _argument: JsonValue, now: datetime) -> bool:
    moment = parse_instant(value)
    return moment is not None and moment < now


def _is_on_or_after_now(value: JsonValue, _argument: JsonValue, now: datetime) -> bool:
    moment = parse_instant(value)
    return moment is not None and moment >= now


def _is_timestamp_between(value: JsonValue, argument: JsonValue, _now: datetime) -> bool:
    if not isinstance(argument, list) or len(argument) != 2:
        return False
    moment, start, end = map(parse_instant, (value, *argument))
    return moment is not None and start is not None and end is not None and start <= moment <= end


RANK_TESTS: dict[str, Callable[[int], bool]] = {
    "equal_to": lambda sign: sign == 0,
    "not_equal_to": lambda sign: sign != 0,
    "greater_than": lambda sign: sign > 0,
    "greater_than_or_equal_to": lambda sign: sign >= 0,
    "less_than": lambda sign: sign < 0,
    "less_than_or_equal_to": lambda sign: sign <= 0,
}

OPERATORS: dict[str, Operator] = {
    "equal_to": Operator(_equal_to),
    "not_equal_to": Operator(negated(_equal_to)),
    "greater_than": Operator(ordered(RANK_TESTS["greater_than"])),
    "greater_than_or_equal_to": Operator(ordered(RANK_TESTS["greater_than_or_equal_to"])),
    "less_than": Operator(ordered(RANK_TESTS["less_than"])),
    "less_than_or_equal_to": Operator(ordered(RANK_TESTS["less_than_or_equal_to"])),
    "is_between": Operator(_is_between, ArgumentKind.PAIR),
    "contains": Operator(_contains, ArgumentKind.PART),
    "not_contains": Operator(negated(_contains), ArgumentKind.PART),
    "contains_all": Operator(_contains_all, ArgumentKind.LIST),
    "not_contains_all": Operator(negated(_contains_all), ArgumentKind.LIST),
    "empty": Operator(_empty, ArgumentKind.NONE, sees_missing=True),
    "not_empty": Operator(negated(_empty), ArgumentKind.NONE, sees_missing=True),
    "exists": Operator(_exists, ArgumentKind.NONE, sees_missing=True),
    "not_exists": Operator(negated(_exists), ArgumentKind.NONE, sees_missing=True),
    "is_timestamp": Operator(_is_timestamp, ArgumentKind.NONE),
    "is_not_timestamp": Operator(negated(_is_timestamp), ArgumentKind.NONE),
    "is_timestamp_before_now": Operator(_is_before_now, ArgumentKind.NONE),
    "is_timestamp_on_or_after_now": Operator(_is_on_or_after_now, ArgumentKind.NONE),
    "is_timestamp_before": Operator(timed(lambda v, a: v < a), ArgumentKind.TIMESTAMP),
    "is_timestamp_on_or_after": Operator(timed(lambda v, a: v >= a), ArgumentKind.TIMESTAMP),
    "is_timestamp_between": Operator(_is_timestamp_between, ArgumentKind.TIMESTAMP_PAIR),
    # Names of older workflows; the two on dates compare the days in UTC.
    "is_timestamp_after": Operator(timed(lambda v, a: v > a), ArgumentKind.TIMESTAMP),
    "is_timestamp_before_date": Operator(
        timed(lambda v, a: v.date() < a.date()), ArgumentKind.TIMESTAMP
    ),
    "is_timestamp_on_or_after_date": Operator(
        timed(lambda v, a: v.date() >= a.date()), ArgumentKind.TIMESTAMP
    ),
}
# Membership needs the world outside, so these are judged by AudienceCondition.
AUDIENCE_OPERATORS = {"is_audience_member": True, "is_not_audience_member": False}
