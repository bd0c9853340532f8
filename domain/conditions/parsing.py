"""Reading condition groups from JSON, with every violation at its place."""

from __future__ import annotations

from typing import cast

from domain.conditions.message_status import parse_message_condition
from domain.conditions.model import Condition, ConditionGroup, Quantifier, UnreadableCondition
from domain.conditions.operators import AUDIENCE_OPERATORS, OPERATORS
from domain.conditions.paths import PREFIXES, is_path
from domain.conditions.value_conditions import parse_audience_condition, parse_value_condition
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.violations import Violations

QUANTIFIERS: tuple[Quantifier, ...] = ("all", "any")
# Entities that a condition may name as a whole, for presence and membership.
_WHOLES = ("recipient", "actor", "tenant")


def parse_condition_group(raw: JsonValue, field: str = "conditions") -> ConditionGroup | None:
    """Read `{"all": […]}` or `{"any": […]}`, one level of nesting; null and {} mean no conditions.

    Raises InvalidParams with one error per violation, each at a path that starts with `field`.
    """
    if raw is None or raw == {}:
        return None
    return _parse_group(raw, field, nested=False)


def read_condition_group(raw: JsonValue) -> ConditionGroup | None:
    """Read stored conditions, and refuse none: a condition that cannot be read is false."""
    try:
        return parse_condition_group(raw)
    except InvalidParams as refusal:
        unreadable = ConditionGroup("all", (_unreadable(raw, refusal),))
    if not isinstance(raw, dict):
        return unreadable
    present = [name for name in QUANTIFIERS if isinstance(raw.get(name), list)]
    if sum(raw.get(name) is not None for name in QUANTIFIERS) != 1 or not present:
        return unreadable
    return ConditionGroup(present[0], tuple(map(_read_member, raw[present[0]])))


def parse_conditions(raw: JsonValue, field: str = "conditions") -> list[Condition]:
    """Read a bare list of conditions, which have no groups; null means none.

    Raises InvalidParams with one error per violation, each at a path that starts with `field`.
    """
    if raw is None:
        return []
    return cast("list[Condition]", list(parse_members(raw, field, nested=True)))


def read_conditions(raw: JsonValue) -> ConditionGroup | None:
    """Read a stored list of conditions that all have to hold, and refuse none; null means none."""
    return None if raw is None else read_condition_group({"all": raw})


def _read_member(raw: JsonValue) -> Condition | ConditionGroup:
    try:
        return _parse_member(raw, "condition")
    except InvalidParams as refusal:
        return _unreadable(raw, refusal)


def _unreadable(raw: JsonValue, refusal: InvalidParams) -> UnreadableCondition:
    members = raw if isinstance(raw, dict) else {}
    variable, operator = members.get("variable"), members.get("operator")
    return UnreadableCondition(
        variable=str(variable or "conditions"),
        operator=str(operator or "unreadable"),
        argument=members.get("argument"),
        reason=f"cannot be read: {refusal.message}",
    )


def _parse_group(raw: JsonValue, field: str, *, nested: bool) -> ConditionGroup:
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object with all or any")
    present = [quantifier for quantifier in QUANTIFIERS if raw.get(quantifier) is not None]
    if len(present) != 1:
        raise InvalidParams.of(field, "must have exactly one of all and any")
    quantifier = present[0]
    members = parse_members(raw[quantifier], f"{field}.{quantifier}", nested=nested)
    return ConditionGroup(quantifier, members)


def parse_members(
    raw: JsonValue, field: str, *, nested: bool = False
) -> tuple[Condition | ConditionGroup, ...]:
    """Read the members of a group; those of a nested one are conditions.

    Raises InvalidParams with one error per violation, each at a path that starts with `field`.
    """
    if not isinstance(raw, list):
        raise InvalidParams.of(field, "must be a list of conditions")
    parse = parse_condition if nested else _parse_member
    violations = Violations()
    members = [
        violations.check(parse, entry, f"{field}[{index}]") for index, entry in enumerate(raw)
    ]
    violations.raise_any()
    return tuple(cast("list[Condition | ConditionGroup]", members))


def _parse_member(raw: JsonValue, field: str) -> Condition | ConditionGroup:
    if _is_group(raw):
        return _parse_group(raw, field, nested=True)
    return parse_condition(raw, field)


def _is_group(raw: JsonValue) -> bool:
    return isinstance(raw, dict) and "operator" not in raw and ("all" in raw or "any" in raw)


def parse_condition(raw: JsonValue, field: str) -> Condition:
    """Read one condition. Raises InvalidParams at paths that start with `field`."""
    if _is_group(raw):
        raise InvalidParams.of(field, "must be a condition: groups nest one level only")
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object with variable, operator and argument")
    violations = Violations()
    variable = violations.check(_parse_variable, raw.get("variable"), f"{field}.variable")
    operator = violations.check(_parse_operator, raw.get("operator"), f"{field}.operator")
    if variable is None or operator is None:
        raise violations.refusal()
    argument = raw.get("argument")
    if operator in AUDIENCE_OPERATORS:
        return parse_audience_condition(
            variable, operator, argument, field, wanted=AUDIENCE_OPERATORS[operator]
        )
    on_message = parse_message_condition(variable, operator, argument, field)
    return on_message or parse_value_condition(variable, operator, argument, field)


def _parse_variable(raw: JsonValue, field: str) -> str:
    if not isinstance(raw, str) or not raw:
        raise InvalidParams.of(field, "must be the path of a variable")
    if raw not in _WHOLES and not is_path(raw):
        roots = ", ".join(PREFIXES)
        raise InvalidParams.of(field, f"must be a dotted path that starts with one of {roots}")
    return raw


def _parse_operator(raw: JsonValue, field: str) -> str:
    if raw == "is_in_random_cohort":
        raise InvalidParams.of(
            field, "is_in_random_cohort is only allowed in rules of channel groups"
        )
    if not isinstance(raw, str) or not (raw in OPERATORS or raw in AUDIENCE_OPERATORS):
        known = ", ".join((*OPERATORS, *AUDIENCE_OPERATORS))
        raise InvalidParams.of(field, f"must be one of: {known}")
    return raw
