"""How much one rendering may cost, and the one error that leaves this package.

The numbers are chosen so that no template, however hostile, holds a worker for long or fills its
memory; a real notification stays orders of magnitude below them.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, thread_time
from typing import NamedTuple

# The most that a filter may make as one value: characters of a string, members of a list or range.
MAX_STRING = 2_000_000
MAX_ITEMS = 10_000
# For a whole value, counted through every reference; see `templating.liquid.printing.weigh`.
MAX_WEIGHT = 16_000_000
# 4300 decimal digits, the most that Python prints.
MAX_INTEGER_BITS = 14_000
MAX_SOURCE = 512 * 1024


class Position(NamedTuple):
    """Where something stands in a source; both are counted from 1."""

    line: int
    column: int

    @classmethod
    def of(cls, source: str, index: int) -> Position:
        """Return in which line and column of a source something stands."""
        line = source.count("\n", 0, index) + 1
        return cls(line, index - source.rfind("\n", 0, index))

    def __str__(self) -> str:
        """Say it to the template's author."""
        return f"line {self.line}, column {self.column}"


class LiquidError(ValueError):
    """A template that cannot be compiled or rendered.

    Args:
        message: one sentence for the template's author.
        at: where in the source that was given, or None when it has no place.
        field: which of several templates it is, such as `html_body`.
    """

    def __init__(
        self, message: str, at: Position | None = None, *, field: str | None = None
    ) -> None:
        named = message if field is None else f"{field}: {message}"
        super().__init__(named if at is None else f"{named} ({at})")
        self.message = message
        self.at = at
        self.field = field

    def within(self, field: str) -> LiquidError:
        """Return the same error as one of a field."""
        return LiquidError(self.message, self.at, field=field)

    def used_at(self, at: Position | None, used: str) -> LiquidError:
        """Return the same error as one of a source that uses another, such as `partial 'x'`."""
        inner = "" if self.at is None else f", {self.at}"
        return LiquidError(f"{used}{inner}: {self.message}", at)


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one rendering; a rendering that crosses one ends with a LiquidError.

    Attributes:
        output: bytes of the result, and of every capture inside it.
        seconds: CPU time of the rendering thread, checked before every node, look-up and filter.
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
    """What is left to spend; one budget may be shared by all templates of one message.

    Time is the CPU time of the thread that made the budget: a machine that is busy with other
    things makes a rendering slow, but never makes it fail.
    """

    __slots__ = ("_look_at_time", "_used_up_at", "produced", "steps")

    def __init__(self, limits: Limits) -> None:
        self._used_up_at = thread_time() + limits.seconds
        # CPU time cannot have passed before as much time has: asking the kernel for the CPU time
        # is a system call, asking for the time is not.
        self._look_at_time = monotonic() + limits.seconds
        self.steps = limits.steps
        self.produced = limits.produced

    def spend(self) -> None:
        """Count one step; raise LiquidError when steps or time are used up."""
        self.steps -= 1
        if self.steps < 0:
            raise LiquidError("Rendering the template takes too many steps.")
        now = monotonic()
        if now > self._look_at_time:
            left = self._used_up_at - thread_time()
            if left < 0:
                raise LiquidError("Rendering the template takes too long.")
            self._look_at_time = now + left

    def produce(self, weight: int) -> None:
        """Count a value made by a filter; raise LiquidError when too much was made in all."""
        self.produced -= weight
        if self.produced < 0:
            raise LiquidError("The template's filters produce too much data.")
