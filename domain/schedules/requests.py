"""What requests say about schedules.

Source: Knock docs, "Schedules"; limits of the API reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from domain.kit.errors import FieldError, InvalidParams
from domain.kit.ids import read_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Instant, JudgedWhole, Members, Shape, parsed_by
from domain.kit.violations import Violations
from domain.kit.windows import DAY_GROUPS, MAX_INTERVAL, WEEKDAYS, Frequency, parse_window_rule
from domain.recipients.inline import InlineRecipient, inline, inline_tenant
from domain.recipients.naming import named_once
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import AnyRecipientIn, AnyTenantIn
from domain.triggers.requests import problems_of_data

MAX_RECIPIENTS = 100
MAX_SCHEDULES = 100
# Ours: every change and every occurrence looks at all of them.
MAX_REPEATS = 50
NO_TIMING = "is required if there are no repeats"
_MEMBERS = ("frequency", "interval", "day_of_month", "days", "hours", "minutes")
_DAY = {"type": "string", "enum": list(WEEKDAYS)}
_REPEAT: JsonObject = {
    "type": "object",
    "properties": {
        "frequency": {"type": "string", "enum": [each.value for each in Frequency]},
        "interval": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_INTERVAL},
        "day_of_month": {"type": ["integer", "null"], "minimum": 1, "maximum": 31},
        "days": {
            "anyOf": [
                {"type": "array", "items": _DAY},
                {"type": "string", "enum": list(DAY_GROUPS)},
                {"type": "null"},
            ]
        },
        "hours": {"type": ["integer", "null"], "minimum": 0, "maximum": 23},
        "minutes": {"type": ["integer", "null"], "multipleOf": 5, "minimum": 0, "maximum": 55},
    },
    "required": ["frequency"],
}


def _repeat(raw: JsonValue, field: str) -> JsonObject:
    """Read a repeat rule; returns it as it is stored: every member, and days one by one."""
    rule = parse_window_rule(raw, field)
    given: JsonObject = raw if isinstance(raw, dict) else {}
    days = None if rule.days is None else [WEEKDAYS[number] for number in sorted(rule.days)]
    return {name: given.get(name) for name in _MEMBERS} | {"interval": rule.interval, "days": days}


def _repeats(raw: JsonValue, field: str) -> list[JsonObject] | None:
    """Read the rules of a schedule. Raises InvalidParams with every violation of all of them."""
    if raw is None:
        return None
    if not isinstance(raw, list):
        raise InvalidParams.of(field, "must be a list")
    if len(raw) > MAX_REPEATS:
        raise InvalidParams.of(field, f"must have at most {MAX_REPEATS} entries")
    violations = Violations()
    rules = [violations.check(_repeat, one, f"{field}[{index}]") for index, one in enumerate(raw)]
    violations.raise_any()
    return [rule for rule in rules if rule is not None]


_RULES: JsonObject = {"type": ["array", "null"], "items": _REPEAT, "maxItems": MAX_REPEATS}
_REPEATS = "When it occurs, in the recipient's time zone; if empty, once at `scheduled_at`."
_SCHEDULED_AT = (
    "When it begins; a time without an offset is UTC. A time in the past is made up for within "
    "an hour."
)


_SAYS_WHEN = ConfigDict(
    json_schema_extra={"anyOf": [{"required": ["repeats"]}, {"required": ["scheduled_at"]}]}
)


class _ScheduleIn(JudgedWhole):
    """What schedules have that are made or changed."""

    repeats: Annotated[list[JsonObject] | None, parsed_by(_repeats, _RULES)] = Field(
        None, description=_REPEATS
    )
    data: Members[Any] | None = Field(None, description="Data of every run; at most 10 MB.")
    tenant: AnyTenantIn | None = Field(None, description="An id, or a tenant to set inline.")
    actor: AnyRecipientIn | None = Field(None, description="The recipient who caused it.")
    scheduled_at: Instant | None = Field(None, description=_SCHEDULED_AT)
    ending_at: Instant | None = Field(
        None, description="The schedule does not occur after this time."
    )

    @classmethod
    def problems(cls, given: JsonObject, size: int | None) -> Iterable[FieldError]:
        """Tell whether it says when a schedule occurs, and whether the data is too large."""
        yield from problems_of_data(given, size)
        if cls.says_when(given) and not given.get("repeats") and given.get("scheduled_at") is None:
            yield FieldError("scheduled_at", NO_TIMING)

    @classmethod
    def says_when(cls, given: JsonObject) -> bool:
        """Tell whether a request settles by itself when a schedule occurs: a new one has to."""
        return True


class CreateSchedulesIn(_ScheduleIn):
    """A request for schedules, one for each recipient."""

    model_config = _SAYS_WHEN

    workflow: str = Field(description="Key of the workflow.", min_length=1)
    recipients: list[AnyRecipientIn] = Field(
        description="User ids, object references, or users and objects to identify inline.",
        min_length=1,
        max_length=MAX_RECIPIENTS,
    )


class ScheduleEntryIn(_ScheduleIn):
    """One schedule of many, each with its own workflow and its own recipient."""

    model_config = _SAYS_WHEN

    workflow: str = Field(description="Key of the workflow.", min_length=1)
    recipient: AnyRecipientIn = Field(
        description="A user id, an object reference, or a user or object to identify inline."
    )


class ScheduleIdsIn(Shape):
    """Which schedules a request is about; ids that are unknown are passed over."""

    schedule_ids: list[str] = Field(min_length=1, max_length=MAX_SCHEDULES)

    def known_ids(self) -> list[UUID]:
        """Return those that can be ids of ours, each once, in their order."""
        ids = (read_id(text) for text in self.schedule_ids)
        return list(dict.fromkeys(found for found in ids if found is not None))


class UpdateSchedulesIn(_ScheduleIn, ScheduleIdsIn):
    """Changes of schedules: what is left out stays, null takes away."""

    @classmethod
    def says_when(cls, given: JsonObject) -> bool:
        """Tell whether nothing of what is stored decides when the schedules occur."""
        return given.keys() >= {"repeats", "scheduled_at"}


class DeleteSchedulesIn(ScheduleIdsIn):
    """Which schedules are to be deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedules:
    """Schedules to be made.

    Attributes:
        recipients: whose, each once.
        places: where the request names each of them first.
        data: of every run; what a recipient has of its own is in `InlineRecipient.trigger_data`.
    """

    workflow_key: str
    recipients: tuple[InlineRecipient, ...]
    places: Mapping[RecipientRef, str]
    repeats: list[JsonObject]
    data: JsonObject | None
    tenant: InlineRecipient | None
    actor: InlineRecipient | None
    scheduled_at: datetime | None
    ending_at: datetime | None

    @property
    def people(self) -> list[InlineRecipient]:
        """Return everybody of whom the request says something."""
        others = (one for one in (self.actor, self.tenant) if one is not None)
        return [*self.recipients, *others]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChanges:
    """Changes of schedules.

    Attributes:
        ids: which.
        columns: new values by column.
        tenant, actor: what the request says of them, if it names them.
    """

    ids: list[UUID]
    columns: Mapping[str, Any]
    tenant: InlineRecipient | None
    actor: InlineRecipient | None

    @property
    def people(self) -> list[InlineRecipient]:
        """Return everybody of whom the request says something."""
        return [one for one in (self.actor, self.tenant) if one is not None]

    @property
    def moves(self) -> bool:
        """Tell whether they change when the schedules occur."""
        return not self.columns.keys().isdisjoint(("repeats", "scheduled_at", "ending_at"))


def new_schedules(given: CreateSchedulesIn) -> NewSchedules:
    """Say which schedules a request asks for."""
    named = [(f"recipients[{index}]", entry) for index, entry in enumerate(given.recipients)]
    return _new(given, named)


def new_schedule(given: ScheduleEntryIn) -> NewSchedules:
    """Say which schedule an entry of a bulk request asks for."""
    return _new(given, [("recipient", given.recipient)])


def _new(
    given: CreateSchedulesIn | ScheduleEntryIn, named: Sequence[tuple[str, AnyRecipientIn]]
) -> NewSchedules:
    """Say which schedules are asked for, for recipients by the places where they are named."""
    found = named_once(named)
    tenant, actor = _others(given)
    return NewSchedules(
        workflow_key=given.workflow,
        recipients=found.recipients,
        places=found.places,
        repeats=given.repeats or [],
        data=given.data,
        tenant=tenant,
        actor=actor,
        scheduled_at=given.scheduled_at,
        ending_at=given.ending_at,
    )


def schedule_changes(given: UpdateSchedulesIn) -> ScheduleChanges:
    """Say what a request changes of schedules."""
    tenant, actor = _others(given)
    named = given.model_fields_set
    columns: dict[str, Any] = {
        name: getattr(given, name)
        for name in ("data", "scheduled_at", "ending_at")
        if name in named
    }
    if "repeats" in named:
        columns["repeats"] = given.repeats or []
    if "tenant" in named:
        columns["tenant_id"] = tenant.ref.id if tenant else None
    if "actor" in named:
        columns["actor_collection"] = actor.ref.collection if actor else None
        columns["actor_id"] = actor.ref.id if actor else None
    return ScheduleChanges(ids=given.known_ids(), columns=columns, tenant=tenant, actor=actor)


def _others(given: _ScheduleIn) -> tuple[InlineRecipient | None, InlineRecipient | None]:
    """Say what a request says of its tenant and its actor."""
    tenant = None if given.tenant is None else inline_tenant(given.tenant, "tenant")
    actor = None if given.actor is None else inline(given.actor, "actor")
    return tenant, actor
