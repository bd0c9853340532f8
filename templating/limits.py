"""How much one rendering may cost, and the one error that leaves this package.

The numbers are chosen so that no template, however hostile, holds a worker for long or fills its
memory; a real notification stays orders of magnitude below them.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic

# Of a single value made by a filter: characters of a string, members of a list or range.
MAX_STRING = 2_000_000
MAX_ITEMS = 10_000
# Of a whole value, counted through every reference; see `templating.printing.weigh`.
MAX_WEIGHT = 16_000_000
# 4300 decimal digits, the most that Python prints.
MAX_INTEGER_BITS = 14_000
MAX_SOURCE = 512 * 1024


class LiquidError(ValueError):
    """A template that cannot be compiled or rendered.

    Args:
        message: one sentence for the template's author.
        line: 1-based line in the source that was given, or None when it has no place.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message if line is None else f"{message} (line {line})")
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one rendering; a rendering that crosses one ends with a LiquidError.

    Attributes:
        output: bytes of the result, and of every capture inside it.
        seconds: elapsed time, checked before every node, look-up and filter.
        steps: nodes, look-ups and filters evaluated; the bound that does not depend on the machine.
        loop: iterations of nested loops multiplied.
        local_size: characters held in assigned and captured strings together.
        produced: weight of all values made by filters together.
    """

    output: int = 64 * 1024
    seconds: float = 1.0
    steps: int = 1_000_000
    loop: int = 10_000
    local_size: int = 5_000_000
    produced: int = 64_000_000


DEFAULT_LIMITS = Limits()
EMAIL_LIMITS = Limits(output=5_000_000)


class Budget:
    """What is left to spend; one budget may be shared by all templates of one message."""

    __slots__ = ("deadline", "produced", "steps")

    def __init__(self, limits: Limits) -> None:
        self.deadline = monotonic() + limits.seconds
        self.steps = limits.steps
        self.produced = limits.produced

    def spend(self) -> None:
        """Count one step; raise LiquidError when steps or time are used up."""
        self.steps -= 1
        if self.steps < 0:
            raise LiquidError("The template takes too many steps to render.")
        if monotonic() > self.deadline:
            raise LiquidError("The template takes too long to render.")

    def produce(self, weight: int) -> None:
        """Count a value made by a filter; raise LiquidError when too much was made in all."""
        self.produced -= weight
        if self.produced < 0:
            raise LiquidError("The template's filters produce too much data.")
