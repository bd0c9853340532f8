"""Channel groups: rules that choose, of several channels of one type, those that a step sends on.

Source: Knock docs, "Channel groups"; Management API, ChannelGroup. Knock leaves open which channels
`any` and `all` choose. Here a group sends through every channel whose rule holds; with `all` it
sends only when all of its rules do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from domain.channels.kinds import CHANNEL_KINDS
from domain.channels.types import ChannelType
from domain.conditions import ConditionGroup, parse_condition
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import REFUSE_NULL, Shape
from domain.kit.violations import Violations

RULE_TYPES = ("if", "unless", "always")
RANDOM_COHORT = "is_in_random_cohort"
MAX_RULES = 50
_LONGEST_NAME = 255
_SHARE = re.compile(r"[0-9]{1,3}(?:\.[0-9])?")
_BUCKETS = 1000
_OTHER_NAMES = {
    name: kind.channel_type.value for kind in CHANNEL_KINDS.values() for name in kind.step_names
}


def _name(name: str) -> str:
    if not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise ValueError(f"must be a string of 1 to {_LONGEST_NAME} characters")
    return name


def _called(raw: JsonValue) -> JsonValue:
    """Read the other names that Knock's Management API has for a type, `in_app` for feeds."""
    return _OTHER_NAMES.get(raw, raw) if isinstance(raw, str) else raw


class ChannelGroupRuleRequest(Shape):
    """When a channel of the group is used."""

    channel_key: Annotated[str, REFUSE_NULL]
    rule_type: Annotated[Literal["if", "unless", "always"], REFUSE_NULL]
    index: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Its position. Default: its place in the list."
    )
    variable: str | None = Field(None, description="As in conditions.")
    operator: str | None = Field(
        None, description=f"As in conditions, or `{RANDOM_COHORT}` on `recipient.id`."
    )
    argument: str | None = None


class ChannelGroupRequest(Shape):
    """A channel group; its type cannot change later."""

    name: Annotated[str, REFUSE_NULL, AfterValidator(_name)]
    channel_type: Annotated[ChannelType, Field(strict=False), REFUSE_NULL, BeforeValidator(_called)]
    operator: Literal["any", "all"] | None = Field(None, description="Default: `any`.")
    visible_in: list[Literal["workflow", "broadcast"]] | None = Field(
        None, description="Default: both."
    )
    channel_rules: Annotated[list[ChannelGroupRuleRequest], Field(max_length=MAX_RULES)] | None = (
        Field(None, description="Default: none. Unchanged if left out.")
    )


class ChannelGroupBody(Shape):
    """What a channel group is to be."""

    channel_group: Annotated[ChannelGroupRequest, REFUSE_NULL]


@dataclass(frozen=True, slots=True)
class ChannelGroup:
    """A channel group as it is stored.

    Each of its rules has `index`, `channel_key`, `rule_type`, `variable`, `operator`, `argument`,
    `created_at` and `updated_at`.
    """

    key: str
    name: str
    channel_type: str
    operator: str
    source: str
    visible_in: list[str]
    channel_rules: list[JsonObject]
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """What a walk needs of a group; another version may have stored its rules."""

    key: str
    channel_type: str
    operator: str
    channel_rules: JsonValue


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A rule, ready to be judged.

    Attributes:
        channel_key: whose channel it lets through.
        rule_type: one of `RULE_TYPES`.
        conditions: what has to hold, or for `unless` has not to.
        share: of recipients, in percent, where the condition is about a random cohort.
        problem: why it lets nothing through, when this version cannot read it.
    """

    channel_key: str
    rule_type: str
    conditions: ConditionGroup | None = None
    share: Decimal | None = None
    problem: str | None = None

    def lets_through(self, *, holds: bool) -> bool:
        """Say whether the rule matches, given whether its condition holds."""
        if self.problem is not None:
            return False
        return self.rule_type == "always" or holds is (self.rule_type == "if")


def parse_rules(rules: Sequence[ChannelGroupRuleRequest], field: str) -> list[JsonObject]:
    """Return rules as they are stored, in order, still without their instants.

    Raises:
        InvalidParams: with everything that is wrong in them.
    """
    violations = Violations()
    parsed, taken = [], set()
    for position, rule in enumerate(rules):
        place = f"{field}[{position}]"
        index = position if rule.index is None else rule.index
        if index in taken:
            violations.add(f"{place}.index", "appears more than once")
        taken.add(index)
        if not rule.channel_key:
            violations.add(f"{place}.channel_key", "is required")
        stored: JsonObject = {
            "index": index,
            "channel_key": rule.channel_key,
            "rule_type": rule.rule_type,
            **dict.fromkeys(("variable", "operator", "argument")),
        }
        if rule.rule_type != "always":
            stored |= {
                "variable": rule.variable,
                "operator": rule.operator,
                "argument": rule.argument,
            }
            violations.check(_read_condition, stored, place)
        parsed.append(stored)
    violations.raise_any()
    return sorted(parsed, key=lambda stored: stored["index"])


def read_rules(stored: JsonValue) -> tuple[GroupRule, ...]:
    """Read stored rules, and refuse none: one that cannot be read lets nothing through."""
    rules = stored if isinstance(stored, list) else []
    return tuple(_read_rule(rule) for rule in rules if isinstance(rule, dict))


def in_cohort(group_key: str, recipient_id: str, share: Decimal) -> bool:
    """Tell whether a recipient is among so many percent of all, the same for all rules of a group.

    So one rule with `if` and another with `unless` and the same share divide everybody.
    """
    digest = hashlib.sha256(f"channel_group|{group_key}|{recipient_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _BUCKETS < share * 10


def _read_rule(rule: JsonObject) -> GroupRule:
    key, rule_type = str(rule.get("channel_key") or ""), str(rule.get("rule_type"))
    if rule_type not in RULE_TYPES:
        return GroupRule(key, rule_type, problem="its type is not known")
    if rule_type == "always":
        return GroupRule(key, rule_type)
    try:
        conditions, share = _read_condition(rule, "rule")
    except InvalidParams as refusal:
        return GroupRule(key, rule_type, problem=f"cannot be read: {refusal.message}")
    return GroupRule(key, rule_type, conditions, share)


def _read_condition(rule: JsonValue, field: str) -> tuple[ConditionGroup | None, Decimal | None]:
    """Read the condition of a rule: a comparison, or a share of all recipients."""
    given = rule if isinstance(rule, dict) else {}
    condition = {name: given.get(name) for name in ("variable", "operator", "argument")}
    if condition["operator"] == RANDOM_COHORT:
        return None, _read_share(condition, field)
    return ConditionGroup("all", (parse_condition(condition, field),)), None


def _read_share(condition: JsonObject, field: str) -> Decimal:
    violations = Violations()
    if condition["variable"] != "recipient.id":
        violations.add(f"{field}.variable", f"must be recipient.id for {RANDOM_COHORT}")
    argument = str(condition["argument"] or "")
    if not _SHARE.fullmatch(argument) or Decimal(argument) > 100:
        violations.add(
            f"{field}.argument", "must be a number from 0 to 100 with at most one decimal"
        )
    violations.raise_any()
    return Decimal(argument)
