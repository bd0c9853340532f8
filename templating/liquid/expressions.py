"""Expressions that differ from the engine's own: bounded ranges, and comparisons that never halt.

The engine offers no place to register expressions, so those of a freshly parsed template change
their class; the classes here add behaviour only, no state.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from liquid import RenderContext
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.loop import LoopExpression
from liquid.builtin.expressions.primitive import Blank, RangeLiteral
from liquid.exceptions import LoopIterationLimitError
from liquid.expression import Expression
from liquid.undefined import is_undefined

from templating.limits import MAX_ITEMS
from templating.liquid.list_filters import are_equal
from templating.liquid.printing import is_nothing, to_text

# A string longer than this is not read as a number.
_MAX_DIGITS = 64


class BoundedRange(RangeLiteral):
    """A range that is refused when long; the engine makes lists of ranges before any limit."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> range:
        """Return the range; its ends may come from data."""
        result = super().evaluate(context)
        if result.stop - result.start > MAX_ITEMS:
            raise LoopIterationLimitError(
                f"a range may have at most {MAX_ITEMS} members", token=self.token
            )
        return result


class EqualsBlank(EqExpression):
    """`x == blank`, true for what is missing as well, which the engine denies."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        """Tell whether the operand that is not the word `blank` is blank."""
        operand = self.left if isinstance(self.right, Blank) else self.right
        return _is_blank(operand.evaluate(context))


class DiffersFromBlank(NeExpression):
    """`x != blank`, the test that Knock's documentation recommends for optional values."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        """Tell whether the operand that is not the word `blank` has a value."""
        operand = self.left if isinstance(self.right, Blank) else self.right
        return not _is_blank(operand.evaluate(context))


def _is_blank(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if value is None or value is False or isinstance(value, Blank) or is_undefined(value):
        return True
    return isinstance(value, (list, dict, range)) and not value


def _order(left: object, right: object) -> int | None:
    """Return the sign of a comparison, None for values that have no order between them.

    A string that spells a number is one beside a number, as forms and URLs send numbers.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return None
    first, second = left, right
    if isinstance(left, str) != isinstance(right, str):
        first, second = _number_or_self(left), _number_or_self(right)
    if isinstance(first, str) and isinstance(second, str):
        return (first > second) - (first < second)
    if isinstance(first, (int, float)) and isinstance(second, (int, float)):
        return (first > second) - (first < second)
    return None


def _number_or_self(value: object) -> object:
    if not isinstance(value, str) or len(value) > _MAX_DIGITS:
        return value
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) and "_" not in value else value


class Less(LtExpression):
    """`x < y`."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        """Tell whether the left side comes before the right; false without an order."""
        return _order(self.left.evaluate(context), self.right.evaluate(context)) == -1


class More(GtExpression):
    """`x > y`."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        """Tell whether the left side comes after the right; false without an order."""
        return _order(self.left.evaluate(context), self.right.evaluate(context)) == 1


class AtMost(LeExpression):
    """`x <= y`."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        """Tell whether the left side comes before the right or is equal to it."""
        return _order(self.left.evaluate(context), self.right.evaluate(context)) in {-1, 0}


class AtLeast(GeExpression):
    """`x >= y`."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        """Tell whether the left side comes after the right or is equal to it."""
        return _order(self.left.evaluate(context), self.right.evaluate(context)) in {1, 0}


class Contains(ContainsExpression):
    """`x contains y`: a string in a string, a member in a list, a name in an object."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> bool:
        """Look for the right side in the left; nothing is never found, nor anything in nothing."""
        whole, part = self.left.evaluate(context), self.right.evaluate(context)
        if is_nothing(part):
            return False
        if isinstance(whole, str):
            return to_text(part) in whole
        if isinstance(whole, dict):
            return isinstance(part, str) and part in whole
        if isinstance(whole, range):
            return isinstance(part, (int, float)) and part in whole
        return isinstance(whole, (list, tuple)) and any(are_equal(item, part) for item in whole)


class Loop(LoopExpression):
    """What a loop runs over; a limit or offset that is not a number counts as not given."""

    __slots__ = ()

    def evaluate(self, context: RenderContext) -> tuple[Iterator[object], int]:
        """Return an iterator, and how many members it has."""
        items, length = self._to_iter(self.iterable.evaluate(context), context)
        limit = None if self.limit is None else _count(self.limit.evaluate(context))
        offset: int | str | None = None
        if self.offset is not None:
            given = self.offset.evaluate(context)
            offset = "continue" if given == "continue" else _count(given)
        if limit == 0:
            return iter(()), 0
        return self._slice(items, length, context, limit=limit, offset=offset)


class Columns(Expression):
    """The columns of a `tablerow`; 0, which means one row, for what is not a number."""

    __slots__ = ("given",)

    def __init__(self, given: Expression) -> None:
        super().__init__(given.token)
        self.given = given

    def evaluate(self, context: RenderContext) -> int:
        """Return the number of columns."""
        return _count(self.given.evaluate(context)) or 0

    def children(self) -> list[Expression]:
        """Return the expression that was written."""
        return [self.given]


def _count(value: object) -> int | None:
    """Read a whole number from 0 on; None for anything else."""
    if isinstance(value, bool):
        return None
    read = _number_or_self(value)
    return max(int(read), 0) if isinstance(read, (int, float)) else None


_ADJUSTED: dict[type[Expression], type[Expression]] = {
    RangeLiteral: BoundedRange,
    LtExpression: Less,
    GtExpression: More,
    LeExpression: AtMost,
    GeExpression: AtLeast,
    ContainsExpression: Contains,
    LoopExpression: Loop,
}


def adjust(expression: Expression) -> None:
    """Give an expression of a parsed template the behaviour of its class here, if it has one."""
    adjusted = _ADJUSTED.get(type(expression))
    if adjusted is not None:
        expression.__class__ = adjusted
    if isinstance(expression, LoopExpression) and expression.cols is not None:
        expression.cols = Columns(expression.cols)
    if isinstance(expression, (EqExpression, NeExpression)) and isinstance(
        expression.left, Blank
    ) | isinstance(expression.right, Blank):
        is_equal = isinstance(expression, EqExpression)
        expression.__class__ = EqualsBlank if is_equal else DiffersFromBlank
