"""Goals as a kind of content: an event that one wants workflows, guides and broadcasts to cause.

Source: Management API reference, GoalRequest; Knock docs, "Goals" of the CLI. A goal is published
where it is saved and never promoted: it is cloned to another environment. No operation of Knock's
tells how often a goal was reached, and nothing counts it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from domain.conditions import ConditionGroup, parse_condition_group, parse_members
from domain.content.kind import KindOfContent
from domain.kit.authored import Reference, ResourceType
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import REFUSE_NULL, Shape, parsed_by, refusal
from domain.kit.stored import Name, read_document
from domain.workflows.definition import MAX_DESCRIPTION_LENGTH
from domain.workflows.steps.wait_for_event import (
    AwaitedAudienceEvent,
    AwaitedSourceEvent,
    parse_groups,
)

_SHORTEST_KEY = 1
_GROUPS: JsonObject = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "operator": {"type": "string", "enum": ["and", "or"]},
            "conditions": {"type": "array", "items": {"type": "object"}},
        },
    },
    "description": "All of them must hold. `all` or `any` of conditions is also a group.",
}


class RecipientEvent(Shape):
    """That a recipient changes."""

    event_type: Literal["recipient"]
    event_key: Annotated[Literal["updated"], BeforeValidator(lambda raw: raw or "updated")] = (
        "updated"
    )


GoalEvent: TypeAlias = Annotated[
    RecipientEvent | AwaitedSourceEvent | AwaitedAudienceEvent, Field(discriminator="event_type")
]


def _groups(raw: JsonValue, field: str) -> tuple[ConditionGroup, ...]:
    return () if raw is None else parse_groups(raw, field, _group)


def _group(raw: JsonValue, field: str) -> ConditionGroup | None:
    """Read a group in either form: by operator, or as steps have theirs."""
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object with operator and conditions")
    if "conditions" not in raw and "operator" not in raw:
        return parse_condition_group(raw, field)
    if raw.get("operator") not in (None, "and", "or"):
        raise InvalidParams.of(f"{field}.operator", "must be one of: and, or")
    members = parse_members(raw.get("conditions") or [], f"{field}.conditions")
    return ConditionGroup("any" if raw.get("operator") == "or" else "all", members)


class GoalCondition(Shape):
    """What reaches the goal."""

    event: Annotated[GoalEvent, REFUSE_NULL]
    match_conditions: Annotated[tuple[ConditionGroup, ...], parsed_by(_groups, _GROUPS)] = ()

    @model_validator(mode="after")
    def _says_which_change(self) -> Self:
        if isinstance(self.event, RecipientEvent) and not self.match_conditions:
            message = "needs a condition: a recipient may change in any way"
            raise refusal([FieldError("match_conditions", message)])
        return self


class GoalShape(Shape):
    """A goal as it is written; members that a client adds beside these are ignored."""

    name: Name
    description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION_LENGTH)] = None
    condition: Annotated[GoalCondition, REFUSE_NULL]


class CloneIn(Shape):
    """Where a copy of a goal goes, and what it is called."""

    key: Annotated[str, REFUSE_NULL]
    name: Name
    environment: Annotated[str, REFUSE_NULL] = Field(
        description="Slug; may be the same environment."
    )


class CloneBodyIn(Shape):
    """The copy under its name."""

    clone: CloneIn


@dataclass(frozen=True, slots=True)
class Goal:
    """What a goal refers to; `audience_key` is None unless its event is about an audience."""

    audience_key: str | None


class GoalKind(KindOfContent[Goal]):
    """What goals tell of themselves."""

    name: ClassVar[ResourceType] = ResourceType.GOAL
    noun: ClassVar[str] = "goal"
    shape: ClassVar[type[Shape]] = GoalShape
    is_branched: ClassVar[bool] = False
    of_each_environment: ClassVar[str] = (
        "a goal is not promoted, because it belongs to one environment: clone it, or create it"
        " there too"
    )

    def check(self, content: JsonObject, key: str) -> Goal:
        """Read a draft. Raises InvalidParams with every violation."""
        read_document(GoalShape, content, key, shortest=_SHORTEST_KEY)
        return self.read(content, key)

    def read(self, content: JsonValue, key: str) -> Goal:
        """Read a stored goal, and refuse none."""
        event: Any = content
        for name in ("condition", "event", "audience_key"):
            event = event.get(name) if isinstance(event, dict) else None
        return Goal(event if isinstance(event, str) else None)

    def references(self, document: Goal) -> Iterator[Reference]:
        """Yield the audience of its event."""
        if document.audience_key is not None:
            place = "condition.event.audience_key"
            yield Reference(place, ResourceType.AUDIENCE, document.audience_key)

    def holds_at_once(self, document: Goal) -> bool:
        """Tell that a goal needs no commit, and is never promoted."""
        return True


GOAL = GoalKind()
