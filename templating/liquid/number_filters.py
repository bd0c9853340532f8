"""Liquid's filters for numbers, exact in decimals and silent about what is not a number.

As in Shopify's Liquid, what is not a number counts as 0, a string that begins with one as that
number, and halves are rounded away from zero. Dividing by nothing prints nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any

from templating.liquid.list_filters import members, property_of
from templating.liquid.printing import is_nothing

Number = int | float
# The largest float has 309 digits; the context must hold those and the decimals.
_EXACT = Context(prec=400)
_MAX_DIGITS = 20
_WHOLE = re.compile(r"\s*([+-]?\d+)")
_DECIMAL = re.compile(r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*")


def number(value: object) -> Number:
    """Read a number; 0 for what is not one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return 0
    match = _DECIMAL.fullmatch(value)
    if match and (match[1] or match[2]):
        return _finite(float(value))
    whole = _WHOLE.match(value)
    return int(whole[1]) if whole else 0


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("the number is too large")
    return value


def _calculate(left: object, right: object, operation: Callable[[Any, Any], Any]) -> Number:
    """Calculate with whole numbers, or with the decimals that were written."""
    first, second = number(left), number(right)
    if isinstance(first, int) and isinstance(second, int):
        result: int = operation(first, second)
        return result
    try:
        return _finite(float(operation(_decimal(first), _decimal(second))))
    except ArithmeticError as error:
        raise ValueError("the number is too large") from error


def _decimal(value: Number) -> Decimal:
    return Decimal(str(_finite(value) if isinstance(value, float) else value))


def plus(left: object, right: object) -> Number:
    """Add."""
    return _calculate(left, right, lambda a, b: a + b)


def minus(left: object, right: object) -> Number:
    """Subtract."""
    return _calculate(left, right, lambda a, b: a - b)


def times(left: object, right: object) -> Number:
    """Multiply."""
    return _calculate(left, right, lambda a, b: a * b)


def divided_by(left: object, right: object) -> Number | None:
    """Divide; two whole numbers give a whole number, rounded down. Nothing when by zero."""
    if not number(right):
        return None
    return _calculate(left, right, lambda a, b: a // b if isinstance(a, int) else a / b)


def modulo(left: object, right: object) -> Number | None:
    """Return the remainder of a division, with the divisor's sign. Nothing when by zero."""
    if not number(right):
        return None

    def remainder(a: Any, b: Any) -> Any:
        if isinstance(a, int):
            return a % b
        return a - b * (a / b).to_integral_value(ROUND_FLOOR)

    return _calculate(left, right, remainder)


def absolute(value: object) -> Number:
    """Drop the sign."""
    return abs(number(value))


def at_least(value: object, least: object) -> Number:
    """Return the larger of two numbers."""
    return max(number(value), number(least))


def at_most(value: object, most: object) -> Number:
    """Return the smaller of two numbers."""
    return min(number(value), number(most))


def ceil(value: object) -> int:
    """Round up to a whole number."""
    return math.ceil(number(value))


def floor(value: object) -> int:
    """Round down to a whole number."""
    return math.floor(number(value))


def round_number(value: object, digits: object = None) -> Number:
    """Round half away from zero, to a whole number or to a number of decimals."""
    given = number(value)
    places = max(-_MAX_DIGITS, min(int(number(digits)), _MAX_DIGITS))
    if isinstance(given, int) and places >= 0:
        return given
    step = Decimal(1).scaleb(-places)
    rounded = _decimal(given).quantize(step, rounding=ROUND_HALF_UP, context=_EXACT)
    return float(rounded) if places > 0 else int(rounded)


def total(items: object, key: object = None) -> Number:
    """Add up the members of a list, or one property of each."""
    result: Number = 0
    for item in members(items):
        result = plus(result, item if is_nothing(key) else property_of(item, key))
    return result


NUMBER_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("abs", absolute),
    ("at_least", at_least),
    ("at_most", at_most),
    ("ceil", ceil),
    ("divided_by", divided_by),
    ("floor", floor),
    ("minus", minus),
    ("modulo", modulo),
    ("plus", plus),
    ("round", round_number),
    ("sum", total),
    ("times", times),
)
