"""Conditions on values and on audience membership: parse one, judge one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.conditions.message_status import CONSTANT_PREFIX
from domain.conditions.model import Condition, ConditionScope, Judgement
from domain.conditions.operands import (
    LiquidOperand,
    Literal,
    Operand,
    WrittenLiteral,
    decode_json,
    dynamic_operand,
)
from domain.conditions.operators import OPERATORS, ArgumentKind, Operator
from domain.conditions.paths import MISSING, lookup_parts, split_path
from domain.conditions.timestamps import parse_relative
from domain.kit.clock import parse_instant
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.liquid import has_liquid


@dataclass(frozen=True, slots=True)
class ValueCondition(Condition):
    """Compares a value of the run with an argument."""

    path: tuple[str, ...]
    compiled: Operator
    operand: Operand

    def judge(self, scope: ConditionScope) -> Judgement:
        """Resolve both sides and test them."""
        found = lookup_parts(scope.values, self.path)
        value = "" if found is MISSING else found
        argument = self.operand.resolve(scope, value)
        subject = found if self.compiled.sees_missing else value
        return Judgement(self.compiled.test(subject, argument, scope.now), value, argument)


@dataclass(frozen=True, slots=True)
class AudienceCondition(Condition):
    """Asks whether the recipient is, or is not, in an audience."""

    operand: Operand
    wanted: bool

    def judge(self, scope: ConditionScope) -> Judgement:
        """Ask the scope; a key that is not a string, or empty, is nobody's audience."""
        key = self.operand.resolve(scope, "")
        is_member = isinstance(key, str) and key != "" and scope.is_member(key, self.variable)
        return Judgement(is_member is self.wanted, self.variable, key)


def parse_value_condition(
    variable: str, operator: str, argument: JsonValue, field: str
) -> ValueCondition:
    """Compile a comparison; raises InvalidParams when the argument cannot suit the operator."""
    compiled = OPERATORS[operator]
    operand = _parse_operand(compiled.argument, argument, f"{field}.argument")
    return ValueCondition(variable, operator, argument, split_path(variable), compiled, operand)


def parse_audience_condition(
    variable: str, operator: str, argument: JsonValue, field: str, *, wanted: bool
) -> AudienceCondition:
    """Compile a question about membership; raises InvalidParams without an audience key."""
    if split_path(variable)[0] != "recipient":
        raise InvalidParams.of(f"{field}.variable", "must be recipient for audience membership")
    if not isinstance(argument, str) or not argument.strip():
        raise InvalidParams.of(f"{field}.argument", "must be the key of an audience")
    # A key is text even when it spells JSON, such as "123", or looks like a path.
    operand = LiquidOperand(argument) if has_liquid(argument) else Literal(argument)
    return AudienceCondition(variable, operator, argument, operand, wanted)


def _parse_operand(kind: ArgumentKind, raw: JsonValue, field: str) -> Operand:
    if kind is ArgumentKind.NONE:
        return Literal(None)
    if isinstance(raw, str) and raw.startswith(CONSTANT_PREFIX):
        raise InvalidParams.of(
            field,
            "a $message constant needs a variable refs.<step>.delivery_status"
            " or refs.<step>.engagement_status",
        )
    operand = dynamic_operand(raw)
    if operand is not None:
        return operand
    if kind is ArgumentKind.TIMESTAMP:
        value = raw  # kept as text: the basic form 20260101 would decode to a number
    else:
        value = decode_json(raw) if isinstance(raw, str) else raw
    suits, message = _SUITS.get(kind, (None, ""))
    if suits is not None and not suits(value):
        raise InvalidParams.of(field, message)
    if kind is ArgumentKind.PART and isinstance(raw, str) and not isinstance(value, str | list):
        return WrittenLiteral(value, raw)
    return Literal(value)


def _is_pair(value: JsonValue) -> bool:
    return isinstance(value, list) and len(value) == 2


def _is_timestamp(value: JsonValue) -> bool:
    return parse_instant(value) is not None or parse_relative(value) is not None


def _is_timestamp_pair(value: JsonValue) -> bool:
    return _is_pair(value) and all(parse_instant(end) is not None for end in value)


_SUITS: dict[ArgumentKind, tuple[Callable[[JsonValue], bool], str]] = {
    ArgumentKind.LIST: (lambda value: isinstance(value, list), "must be a list"),
    ArgumentKind.PAIR: (_is_pair, "must be a list of two values"),
    ArgumentKind.TIMESTAMP: (
        _is_timestamp,
        "must be an ISO 8601 timestamp, or relative to now by at least 15 minutes",
    ),
    ArgumentKind.TIMESTAMP_PAIR: (
        _is_timestamp_pair,
        "must be a list of two ISO 8601 timestamps",
    ),
}
