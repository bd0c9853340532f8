"""Expressions that differ from the engine's own: bounded ranges, and comparison with `blank`.

The engine offers no place to register expressions, so those of a freshly parsed template change
their class; the classes here add behaviour only, no state.
"""

from __future__ import annotations

from liquid import RenderContext
from liquid.builtin.expressions.logical import EqExpression, NeExpression
from liquid.builtin.expressions.primitive import Blank, RangeLiteral
from liquid.exceptions import LoopIterationLimitError
from liquid.expression import Expression
from liquid.undefined import is_undefined

from templating.limits import MAX_ITEMS


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


def adjust(expression: Expression) -> None:
    """Give an expression of a parsed template the behaviour of its class here, if it has one."""
    if type(expression) is RangeLiteral:
        expression.__class__ = BoundedRange
    elif isinstance(expression, (EqExpression, NeExpression)) and isinstance(
        expression.left, Blank
    ) | isinstance(expression.right, Blank):
        is_equal = isinstance(expression, EqExpression)
        expression.__class__ = EqualsBlank if is_equal else DiffersFromBlank
