"""Conditions on the messages of an earlier step (Knock docs: "Step conditions", message status).

Delivery statuses are compared by rank, engagement is a set; of several messages the one with the
highest status counts; a step that made no message ranks below everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.conditions.model import Condition, ConditionGroup, ConditionScope, Judgement
from domain.conditions.operators import RANK_TESTS
from domain.conditions.paths import lookup_parts
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.message_statuses import MESSAGE_STATUS_RANK, DeliveryStatus, EngagementStatus

CONSTANT_PREFIX = "$message."
SKIPPED = "skipped"
_VARIABLE = re.compile(
    r"refs\.(?P<ref>[^\s.]+)\.(?P<aspect>delivery_status|engagement_status|status)"
)

_DELIVERY_NAMES = (SKIPPED, *(status.value for status in DeliveryStatus))
# What must hold and what must not, for each engagement constant.
_ENGAGEMENTS: dict[str, tuple[str, str | None]] = {
    **{status.value: (status.value, None) for status in EngagementStatus},
    "seen_not_read": ("seen", "read"),
    "read_not_link_clicked": ("read", "link_clicked"),
}


@dataclass(frozen=True, slots=True)
class StepStatus:
    """Where the messages of a step stand: `delivery` is "skipped" when there is none."""

    delivery: str
    engagement: tuple[str, ...]

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> StepStatus:
        """Read where a message stands; who has read it has seen it, whatever was reported."""
        held = tuple(message.get("engagement") or ())
        if "read" in held and "seen" not in held:
            held = ("seen", *held)
        return cls(message["delivery_status"], held)

    @property
    def highest(self) -> str:
        """The highest of all statuses, delivery and engagement together."""
        return max((self.delivery, *self.engagement), key=_rank)


@dataclass(frozen=True, slots=True)
class RankCondition(Condition):
    """Compares the rank of a status with that of a constant."""

    ref: str
    wanted: int
    accepts: Callable[[int], bool]
    legacy: bool

    def judge(self, scope: ConditionScope) -> Judgement:
        """Compare; false when retention has removed the message."""
        status = _step_status(scope, self.ref)
        if status is None:
            return Judgement(False, None, self.argument)
        name = status.highest if self.legacy else status.delivery
        return Judgement(self.accepts(_rank(name) - self.wanted), name, self.argument)


@dataclass(frozen=True, slots=True)
class EngagementCondition(Condition):
    """Looks for an engagement in the set of the message."""

    ref: str
    present: str
    absent: str | None
    negated: bool

    def judge(self, scope: ConditionScope) -> Judgement:
        """Look; false when retention has removed the message."""
        status = _step_status(scope, self.ref)
        if status is None:
            return Judgement(False, None, self.argument)
        held = self.present in status.engagement and self.absent not in status.engagement
        return Judgement(held is not self.negated, list(status.engagement), self.argument)


def parse_message_condition(
    variable: str, operator: str, argument: JsonValue, field: str
) -> Condition | None:
    """Compile a condition on message status; None when the variable is not one.

    The old `refs.<ref>.status` counts only beside a `$message.` constant, since other steps may
    have an output of that name. Raises InvalidParams for an operator or constant that cannot be.
    """
    match = _VARIABLE.fullmatch(variable)
    is_constant = isinstance(argument, str) and argument.startswith(CONSTANT_PREFIX)
    constant = argument.removeprefix(CONSTANT_PREFIX) if is_constant else None
    if match is None or (match["aspect"] == "status" and constant is None):
        return None
    if match["aspect"] == "engagement_status":
        if operator not in ("contains", "not_contains"):
            raise InvalidParams.of(f"{field}.operator", "must be contains or not_contains")
        present, absent = _known(constant, _ENGAGEMENTS, field)
        return EngagementCondition(
            variable, operator, argument, match["ref"], present, absent, operator == "not_contains"
        )
    if operator not in RANK_TESTS:
        raise InvalidParams.of(f"{field}.operator", f"must be one of: {', '.join(RANK_TESTS)}")
    legacy = match["aspect"] == "status"
    names = MESSAGE_STATUS_RANK if legacy else _DELIVERY_RANK
    wanted = _known(constant, names, field)
    test = RANK_TESTS[operator]
    return RankCondition(variable, operator, argument, match["ref"], wanted, test, legacy)


def message_refs(group: ConditionGroup | None, field: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the step ref of every condition on message status in the group."""
    if group is None:
        return
    for index, member in enumerate(group.members):
        place = f"{field}.{group.quantifier}[{index}]"
        if isinstance(member, ConditionGroup):
            yield from message_refs(member, place)
        elif isinstance(member, (RankCondition, EngagementCondition)):
            yield place, member.ref


def _known(name: str | None, names: Mapping[str, Any], field: str) -> Any:
    if name is None or name not in names:
        allowed = ", ".join(CONSTANT_PREFIX + each for each in names)
        raise InvalidParams.of(f"{field}.argument", f"must be one of: {allowed}")
    return names[name]


def _step_status(scope: ConditionScope, ref: str) -> StepStatus | None:
    """Return where the step's messages stand, or None when they are out of retention."""
    outcome = lookup_parts(scope.values, ("refs", ref))
    if not isinstance(outcome, Mapping):
        return StepStatus(SKIPPED, ())
    if outcome.get("expired"):
        return None
    messages = outcome.get("messages")
    # Other steps have outputs of any shape under `refs`; only messages count here.
    statuses = [
        StepStatus.of(message)
        for message in (messages if isinstance(messages, (list, tuple)) else ())
        if isinstance(message, Mapping) and message.get("delivery_status") in _DELIVERY_RANK
    ]
    return max(statuses, key=lambda status: _rank(status.highest), default=StepStatus(SKIPPED, ()))


def _rank(name: str) -> int:
    return MESSAGE_STATUS_RANK.get(name, 0)


_DELIVERY_RANK = {name: MESSAGE_STATUS_RANK[name] for name in _DELIVERY_NAMES}
