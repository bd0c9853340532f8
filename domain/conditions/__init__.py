"""Condition groups: parsed once, judged against the data of a run (Knock docs: "Conditions")."""

from __future__ import annotations

from domain.conditions.evaluation import arguments, asks_for_audiences, evaluate
from domain.conditions.message_status import message_refs
from domain.conditions.model import (
    Condition,
    ConditionError,
    ConditionGroup,
    ConditionScope,
    UnreadableCondition,
    Verdict,
)
from domain.conditions.parsing import (
    parse_condition,
    parse_condition_group,
    parse_conditions,
    parse_members,
    read_condition_group,
    read_conditions,
)
from domain.conditions.paths import MISSING, lookup

__all__ = [
    "MISSING",
    "Condition",
    "ConditionError",
    "ConditionGroup",
    "ConditionScope",
    "UnreadableCondition",
    "Verdict",
    "arguments",
    "asks_for_audiences",
    "evaluate",
    "lookup",
    "message_refs",
    "parse_condition",
    "parse_condition_group",
    "parse_conditions",
    "parse_members",
    "read_condition_group",
    "read_conditions",
]
