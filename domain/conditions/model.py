"""What a condition group is made of, what it is judged against, and the verdict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from domain.kit.json_types import JsonObject, JsonValue

Quantifier = Literal["all", "any"]


class ConditionError(ValueError):
    """The Liquid of an argument is broken: the step fails, instead of its condition being false."""


def _unrendered(template: str) -> str:
    return template


def _nobody(_audience_key: str, _variable: str | None) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class ConditionScope:
    """What conditions read.

    Attributes:
        values: `data`, `recipient`, `actor`, `tenant`, `vars`, `workflow`, `run`, `refs`, `event`.
            Under `refs`, a channel step is `{"messages": [{"delivery_status", "engagement": []}],
            "skipped": bool}`, with `"expired": True` once retention has removed its messages.
        now: the instant of the evaluation.
        render: renders an argument with Liquid; raises ValueError when the Liquid is broken.
        is_member: tells whether the run's recipient is in the audience, given the audience key
            and the condition's variable; the caller applies the tenant of the run.
    """

    values: Mapping[str, Any]
    now: datetime
    render: Callable[[str], str] = _unrendered
    is_member: Callable[[str, str | None], bool] = _nobody


class Judgement(NamedTuple):
    """The result of one condition, and the operands it came from."""

    result: bool
    value: JsonValue
    argument: JsonValue


@dataclass(frozen=True, slots=True)
class Condition(ABC):
    """One comparison as it was written; subclasses hold it compiled."""

    variable: str
    operator: str
    argument: JsonValue

    @abstractmethod
    def judge(self, scope: ConditionScope) -> Judgement:
        """Compare against the scope; raises ConditionError for broken Liquid only."""


@dataclass(frozen=True, slots=True)
class UnreadableCondition(Condition):
    """A stored condition that this version cannot read: false, with the reason in its trace."""

    reason: str

    def judge(self, scope: ConditionScope) -> Judgement:
        """Return false: what is not understood lets nothing pass."""
        return Judgement(False, None, self.reason)


@dataclass(frozen=True, slots=True)
class ConditionGroup:
    """Conditions joined by `all` or `any`; a member may be one more level of group."""

    quantifier: Quantifier
    members: tuple[Condition | ConditionGroup, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the group holds, and a JSON-ready line per condition, in the order written."""

    passed: bool
    trace: list[JsonObject] = field(default_factory=list)
