"""Audiences as a kind of content (Knock docs: "Audiences").

A static audience is a name for members that are added and removed; it holds in its environment as
soon as it is saved. A dynamic one says by conditions who is in it, and is committed and promoted
like a workflow. Source: Management API reference, StaticAudienceRequest, DynamicAudienceRequest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo

from domain.conditions import (
    Condition,
    ConditionGroup,
    ConditionScope,
    evaluate,
    parse_condition,
    read_condition_group,
)
from domain.conditions.operators import AUDIENCE_OPERATORS
from domain.conditions.timestamps import parse_relative
from domain.content.kind import KindOfContent
from domain.kit.authored import ChannelTypes, ResourceType
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.liquid import has_liquid
from domain.kit.shapes import REFUSE_NULL, JudgedBy, Shape, Wrong
from domain.kit.stored import Name, read_document
from domain.kit.violations import Violations

MAX_SEGMENTS = 100
MAX_CONDITIONS = 100
MAX_DESCRIPTION = 280
_RECIPIENT = "recipient."
# Members of a user that are not the user's own properties (Knock docs).
_NOT_OWN = ("recipient.created_at", "recipient.updated_at")
_BY_THE_CLOCK = ("is_timestamp_before_now", "is_timestamp_on_or_after_now")


class AudienceType(StrEnum):
    """How an audience gets its members."""

    STATIC = "static"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is in it: of a dynamic audience whoever fulfils all conditions of one of the segments."""

    type: AudienceType
    segments: tuple[ConditionGroup, ...] = ()

    @property
    def is_dynamic(self) -> bool:
        """Tell whether its members follow from conditions."""
        return self.type is AudienceType.DYNAMIC

    @property
    def moves_with_time(self) -> bool:
        """Tell whether somebody may enter or leave it although nothing about them changes."""
        return any(_is_by_the_clock(one) for group in self.segments for one in group.members)

    def includes(self, user: JsonObject, now: datetime) -> bool:
        """Tell whether a user fulfils it, as conditions see the user, at an instant."""
        scope = ConditionScope({"recipient": user}, now)
        return any(evaluate(group, scope).passed for group in self.segments)


def _is_by_the_clock(one: Condition | ConditionGroup) -> bool:
    return isinstance(one, Condition) and (
        one.operator in _BY_THE_CLOCK or parse_relative(one.argument) is not None
    )


class AudienceCondition(Shape):
    """A condition on one property of a user."""

    property: str = Field(description="Such as `recipient.plan`, or `plan`.")
    operator: str
    argument: Any = None


class Segment(Shape):
    """Conditions that are joined by AND."""

    conditions: list[AudienceCondition]


def _segments(raw: JsonValue, info: ValidationInfo) -> tuple[ConditionGroup, ...]:
    if info.data.get("type") != AudienceType.DYNAMIC:
        if raw and "type" in info.data:
            raise Wrong("is only for dynamic audiences")
        return ()
    if not isinstance(raw, list):
        raise Wrong("must be a list")
    if len(raw) > MAX_SEGMENTS:
        raise Wrong(f"must have at most {MAX_SEGMENTS} entries")
    violations = Violations()
    groups = [violations.check(_segment, one, f"[{index}]") for index, one in enumerate(raw)]
    violations.raise_any()
    return tuple(group for group in groups if group is not None)


def _segment(raw: JsonValue, field: str) -> ConditionGroup:
    conditions = raw.get("conditions") if isinstance(raw, dict) else None
    if not isinstance(conditions, list):
        raise InvalidParams.of(f"{field}.conditions", "must be a list of conditions")
    if len(conditions) > MAX_CONDITIONS:
        message = f"must have at most {MAX_CONDITIONS} entries"
        raise InvalidParams.of(f"{field}.conditions", message)
    violations = Violations()
    members = [
        violations.check(_condition, one, f"{field}.conditions[{index}]")
        for index, one in enumerate(conditions)
    ]
    violations.raise_any()
    return ConditionGroup("all", tuple(one for one in members if one is not None))


def _condition(raw: JsonValue, field: str) -> Condition:
    """Read a condition, whose left side is called `property` here."""
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object with property, operator and argument")
    violations = Violations()
    written = _as_condition(raw)
    if written["variable"] in _NOT_OWN:
        violations.add(f"{field}.property", "must be a property of the user")
    if written["operator"] in tuple(AUDIENCE_OPERATORS):  # it may be of any type
        message = "this version does not allow an audience to refer to another one"
        violations.add(f"{field}.operator", message)
    if isinstance(raw.get("argument"), str) and has_liquid(raw["argument"]):
        violations.add(f"{field}.argument", "must not be Liquid")
    try:
        parsed = parse_condition(written, field)
    except InvalidParams as refused:
        names = {f"{field}.variable": f"{field}.property"}
        violations.extend(
            replace(error, field=names.get(error.field, error.field)) for error in refused.errors
        )
        raise violations.refusal() from None
    violations.raise_any()
    return parsed


def _as_condition(raw: JsonObject) -> JsonObject:
    """Write a condition of a segment as other conditions are written."""
    path = raw.get("property")
    if isinstance(path, str) and path and not path.startswith(_RECIPIENT):
        path = f"{_RECIPIENT}{path}"
    return {"variable": path, "operator": raw.get("operator"), "argument": raw.get("argument")}


class AudienceShape(Shape):
    """An audience as it is written; members that a client adds beside these are ignored."""

    name: Name
    type: Annotated[AudienceType, REFUSE_NULL] = Field(
        strict=False, description="Cannot be changed."
    )
    description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION)] = None
    segments: Annotated[tuple[ConditionGroup, ...], JudgedBy(_segments, list[Segment])] = Field(
        (), description="For a dynamic audience: a user who matches one of them is a member."
    )


class AudienceKind(KindOfContent[Audience]):
    """What audiences tell of themselves; they refer to nothing."""

    name: ClassVar[ResourceType] = ResourceType.AUDIENCE
    noun: ClassVar[str] = "audience"
    shape: ClassVar[type[Shape]] = AudienceShape
    is_branched: ClassVar[bool] = False
    of_each_environment: ClassVar[str] = (
        "a static audience is not promoted, because its members belong to one environment: create"
        " it there too"
    )

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """Return the members that are written; a dynamic audience always has segments."""
        sent = super().normalise(raw, channel_types)
        if sent["segments"] is None and sent["type"] == AudienceType.DYNAMIC:
            sent["segments"] = []
        return sent

    def check(self, content: JsonObject, key: str) -> Audience:
        """Read a draft. Raises InvalidParams."""
        shape = read_document(AudienceShape, content, key)
        return Audience(shape.type, shape.segments)

    def read(self, content: JsonValue, key: str) -> Audience:
        """Read a stored audience; a condition that cannot be read is fulfilled by nobody."""
        stored = content if isinstance(content, dict) else {}
        if stored.get("type") != AudienceType.DYNAMIC:
            return Audience(AudienceType.STATIC)
        segments = stored.get("segments")
        return Audience(
            AudienceType.DYNAMIC,
            tuple(_read_segments(segments if isinstance(segments, list) else [])),
        )

    def holds_at_once(self, document: Audience) -> bool:
        """Tell that a static audience needs no commit: it belongs to its environment."""
        return not document.is_dynamic

    def succeed(self, before: Audience, after: Audience) -> None:
        """Refuse to make another type of it. Raises InvalidParams."""
        if before.type is not after.type:
            raise InvalidParams.of("type", f"is {before.type}, and cannot be changed")


def _read_segments(raw: list[JsonValue]) -> Iterator[ConditionGroup]:
    for segment in raw:
        conditions = segment.get("conditions") if isinstance(segment, dict) else None
        written: list[JsonValue] = [
            _as_condition(one) if isinstance(one, dict) else one
            for one in (conditions if isinstance(conditions, list) else [None])
        ]
        group = read_condition_group({"all": written})
        if group is not None:
            yield group


AUDIENCE = AudienceKind()
