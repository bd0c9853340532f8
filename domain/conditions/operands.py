"""The right side of a condition: what its text means, in Knock's order of interpretation.

Liquid first, then a path, then JSON, then the text itself; anything but a string is itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from domain.conditions.model import ConditionError, ConditionScope
from domain.conditions.paths import MISSING, is_path, lookup_parts, split_path
from domain.kit.json_types import JsonValue, read_json
from domain.kit.liquid import has_liquid


@dataclass(frozen=True, slots=True)
class Operand(ABC):
    """Something that has a value in a scope."""

    @abstractmethod
    def resolve(self, scope: ConditionScope, opposite: JsonValue) -> JsonValue:
        """Return the value; `opposite` is the variable's, which settles what Liquid's text means.

        Raises ConditionError when Liquid is broken.
        """


@dataclass(frozen=True, slots=True)
class Literal(Operand):
    """A value known when the workflow was written."""

    value: JsonValue

    def resolve(self, scope: ConditionScope, opposite: JsonValue) -> JsonValue:
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class WrittenLiteral(Operand):
    """A value known when the workflow was written, which within a text can only mean its letters.

    Attributes:
        value: what the letters spell, such as a number or `true`.
        written: the letters.
    """

    value: JsonValue
    written: str

    def resolve(self, scope: ConditionScope, opposite: JsonValue) -> JsonValue:
        """Return the letters beside a text, and the value beside anything else."""
        return self.written if isinstance(opposite, str) else self.value


@dataclass(frozen=True, slots=True)
class PathOperand(Operand):
    """A value of the run; a path that leads nowhere is the empty string."""

    parts: tuple[str, ...]

    def resolve(self, scope: ConditionScope, opposite: JsonValue) -> JsonValue:
        """Look the path up."""
        found = lookup_parts(scope.values, self.parts)
        return "" if found is MISSING else found


@dataclass(frozen=True, slots=True)
class LiquidOperand(Operand):
    """A Liquid template."""

    template: str

    def resolve(self, scope: ConditionScope, opposite: JsonValue) -> JsonValue:
        """Render; what comes out stays a string beside strings, and is JSON beside other values."""
        try:
            text = scope.render(self.template)
        except ValueError as cause:
            raise ConditionError(str(cause)) from cause
        decoded = decode_json(text)
        if isinstance(decoded, (list, dict)):
            return decoded
        peers = opposite if isinstance(opposite, list) else [opposite]
        return text if any(isinstance(peer, str) for peer in peers) else decoded


def dynamic_operand(raw: JsonValue) -> Operand | None:
    """Return the operand of Liquid or of a path; None when the argument is fixed."""
    if not isinstance(raw, str):
        return None
    if has_liquid(raw):
        return LiquidOperand(raw)
    return PathOperand(split_path(raw)) if is_path(raw) else None


def decode_json(text: str) -> JsonValue:
    """Return the JSON value that the text spells, else the text itself."""
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return text
