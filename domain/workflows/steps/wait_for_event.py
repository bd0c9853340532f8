"""The wait step: a run waits for an event (Knock docs: "Wait for event function")."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, ValidationInfo, model_validator
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.conditions import (
    ConditionGroup,
    message_refs,
    parse_members,
    read_condition_group,
)
from domain.conditions.paths import split_path
from domain.kit.authored import SOURCE, Reference, ResourceType
from domain.kit.durations import Duration, DurationUnit, add_duration, parse_duration
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonValue
from domain.kit.shapes import JudgedBy, Shape, Text, Wrong, parsed_by, refusal
from domain.kit.violations import Violations
from domain.workflows.steps.base import BaseStep, is_lenient
from domain.workflows.steps.settings import LENGTH, given

MAX_WAIT = timedelta(days=30)
DEFAULT_WAIT = Duration(DurationUnit.MINUTES, 15)
DEFAULT_RECIPIENT_PATH = "body.userId"
_MOST_GROUPS = 20
_SOME_MONTH = datetime(2026, 1, 1, tzinfo=UTC)
_GROUPS = {
    "type": ["array", "null"],
    "items": {
        "type": "object",
        "properties": {
            "operator": {"type": "string", "enum": ["and"]},
            "conditions": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["conditions"],
    },
    "description": "All of them must hold; in them, `event` is the event.",
}

MessageEventKey: TypeAlias = Literal[
    "created", "queued", "sent", "not_sent", "delivered", "delivery_attempted", "undelivered",
    "bounced", "read", "unread", "seen", "unseen", "archived", "unarchived", "interacted",
    "link_clicked",
]  # fmt: skip
MessageSourceType: TypeAlias = Literal["workflow", "broadcast", "guide"]
Key = Annotated[Text, Field(min_length=1, max_length=255)]


def _recipient_path(path: str, info: ValidationInfo) -> str:
    root, *rest = split_path(path)
    if not is_lenient(info) and (root not in ("body", "headers") or not rest):
        raise Wrong("must be a path that starts with body. or headers.")
    return path


class AwaitedMessageEvent(Shape):
    """Something that happens to a message, for the same recipient."""

    event_type: Literal["message"]
    event_key: MessageEventKey
    source_type: MessageSourceType = Field(description="The kind of content that made the message.")
    source_key: Key = Field(description="The key of the content that made it.")


class AwaitedWorkflowEvent(Shape):
    """That another run of a workflow starts or completes, for the same recipient."""

    event_type: Literal["workflow"]
    event_key: Literal["started", "completed"]
    source_key: Key = Field(description="The key of the workflow.")


class AwaitedSourceEvent(Shape):
    """An event that a source receives, for the same recipient."""

    event_type: Literal["integration_source"]
    event_key: Key = Field(description="The name of the event.")
    integration_source_key: Key = Field(description="The key of the source.")
    recipient_path: Annotated[
        str,
        BeforeValidator(lambda raw: DEFAULT_RECIPIENT_PATH if raw in (None, "") else raw),
        AfterValidator(_recipient_path),
    ] = Field(
        DEFAULT_RECIPIENT_PATH,
        max_length=255,
        description="Where the event names its recipient, such as `body.customer.id`.",
    )

    @property
    def source_key(self) -> str:
        """Return the key of the source, under the name that other events have for theirs."""
        return self.integration_source_key


class AwaitedAudienceEvent(Shape):
    """That the recipient, a user, enters an audience or leaves it."""

    event_type: Literal["audience"]
    event_key: Literal["enter", "exit"]
    audience_key: Key = Field(description="The key of the audience.")

    @property
    def source_key(self) -> str:
        """Return the key of the audience, under the name that other events have for theirs."""
        return self.audience_key


class AwaitedRecipientEvent(Shape):
    """That something is changed about the recipient."""

    event_type: Literal["recipient"]
    event_key: Literal["updated"] = "updated"

    @property
    def source_key(self) -> str:
        """Return nothing: a change of the recipient has no source."""
        return ""


AwaitedEvent: TypeAlias = Annotated[
    AwaitedMessageEvent
    | AwaitedWorkflowEvent
    | AwaitedSourceEvent
    | AwaitedAudienceEvent
    | AwaitedRecipientEvent,
    Field(discriminator="event_type"),
]


def _match_conditions(raw: JsonValue, info: ValidationInfo) -> tuple[ConditionGroup, ...]:
    """Read groups of conditions, each joined by AND, which have to hold together."""
    if raw is None:
        return ()
    if isinstance(raw, tuple):
        return raw
    if is_lenient(info):
        entries: Sequence[Any] = raw if isinstance(raw, list) else [raw]
        return tuple(group for each in entries if (group := _read_group(each)) is not None)
    return parse_groups(raw, "", _group)


def parse_groups(
    raw: JsonValue, field: str, parse: Callable[[JsonValue, str], ConditionGroup | None]
) -> tuple[ConditionGroup, ...]:
    """Read a list of groups, each by `parse`; those without conditions are left out.

    Raises InvalidParams with every violation, at paths that start with `field`.
    """
    if not isinstance(raw, list) or len(raw) > _MOST_GROUPS:
        message = f"must be a list of at most {_MOST_GROUPS} groups of conditions"
        raise InvalidParams.of(field, message)
    violations = Violations()
    groups = [violations.check(parse, each, f"{field}[{index}]") for index, each in enumerate(raw)]
    violations.raise_any()
    return tuple(group for group in groups if group is not None and group.members)


def _group(raw: JsonValue, field: str) -> ConditionGroup:
    if not isinstance(raw, dict):
        raise InvalidParams.of(field, "must be an object with operator and conditions")
    if raw.get("operator") not in (None, "and"):
        raise InvalidParams.of(f"{field}.operator", "must be `and`")
    return ConditionGroup("all", parse_members(raw.get("conditions") or [], f"{field}.conditions"))


def _read_group(raw: JsonValue) -> ConditionGroup | None:
    conditions = raw.get("conditions") if isinstance(raw, dict) else raw
    return read_condition_group({"all": conditions or []})


def _wait(raw: JsonValue, field: str) -> Duration:
    if raw is None:
        return DEFAULT_WAIT
    if isinstance(raw, Duration):
        return raw
    length = parse_duration(raw, field)
    if add_duration(_SOME_MONTH, length) - _SOME_MONTH > MAX_WAIT:
        raise Wrong("must not be longer than 30 days")
    return length


class WaitSettings(Shape):
    """What is waited for, how long, and what follows."""

    event: Annotated[AwaitedEvent, BeforeValidator(given)]
    match_conditions: Annotated[
        tuple[ConditionGroup, ...], JudgedBy(_match_conditions, _GROUPS)
    ] = ()
    expires_after: Annotated[Duration, parsed_by(_wait, LENGTH)] = Field(
        DEFAULT_WAIT, description="At most 30 days. Default: 15 minutes."
    )
    on_match: Annotated[
        Literal["continue", "halt"], BeforeValidator(lambda raw: raw or "continue")
    ] = Field("continue", description="What happens when the event comes; `halt` cancels the run.")
    on_timeout: Annotated[
        Literal["continue", "halt"], BeforeValidator(lambda raw: raw or "halt")
    ] = Field("halt", description="What happens if it does not come; `halt` cancels the run.")

    @model_validator(mode="after")
    def _matches_something(self, info: ValidationInfo) -> Self:
        kind = self.event.event_type
        if kind in ("message", "workflow") and not self.match_conditions and not is_lenient(info):
            message = f"needs a condition: a wait for a {kind} event must say which one"
            raise refusal([FieldError("match_conditions", message)])
        return self


class WaitForEventStep(BaseStep):
    """Wait for an event, or until a time has passed."""

    type: Literal["wait_for_event"] = "wait_for_event"
    settings: Annotated[WaitSettings, BeforeValidator(given)]

    def references(self, place: str) -> Iterator[Reference]:
        """Yield what the event comes from: an audience, a source, a workflow or a guide."""
        event, where = self.settings.event, f"{place}.settings.event"
        match event:
            case AwaitedAudienceEvent():
                at = f"{where}.audience_key"
                yield Reference(at, ResourceType.AUDIENCE, event.audience_key)
            case AwaitedSourceEvent():
                at = f"{where}.integration_source_key"
                yield Reference(at, SOURCE, event.source_key, may_follow=True)
            case AwaitedWorkflowEvent():
                at = f"{where}.source_key"
                yield Reference(at, ResourceType.WORKFLOW, event.source_key, may_follow=True)
            # A broadcast is in its environment alone, and is never committed.
            case AwaitedMessageEvent() if event.source_type != "broadcast":
                target = ResourceType(event.source_type)
                at = f"{where}.source_key"
                yield Reference(at, target, event.source_key, may_follow=True)


def awaited_refs(raw: JsonValue, field: str) -> Iterator[tuple[str, str]]:
    """Yield place and step ref of the conditions on message status of a draft's match conditions.

    What is wrong in them is told elsewhere.
    """
    groups = raw.get("match_conditions") if isinstance(raw, dict) else None
    for index, each in enumerate(groups if isinstance(groups, list) else ()):
        here = f"{field}.match_conditions[{index}]"
        try:
            group = _group(each, here)
        except InvalidParams:
            continue
        for place, ref in message_refs(group, here):
            yield place.replace(f"{here}.all", f"{here}.conditions", 1), ref
