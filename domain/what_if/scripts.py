"""What a script says: what would happen, and when, although nobody has sent any of it."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, Tag

from domain.audiences.members import MembersIn
from domain.kit.shapes import Instant, Members, Shape, Text
from domain.recipients.shapes import ObjectId, UserId
from domain.sources.requests import RehearsalIn
from domain.triggers.requests import TriggerIn

MOST_VIEWERS = 1_000
_Key = Annotated[Text, Field(min_length=1)]


class _EntryIn(Shape):
    """Whatever happens, it happens at an instant."""

    at: Instant | None = Field(None, description="When it happens. Default: now.")


class ImaginedTriggerIn(_EntryIn, TriggerIn):
    """A trigger: what a trigger says, and for which workflow."""

    workflow: _Key = Field(description="Key of the workflow.")


class ImaginedEntryIn(_EntryIn, MembersIn):
    """Users who join an audience, whether they are in it already or not."""

    audience: _Key = Field(description="Key of the audience.")


class ImaginedBroadcastIn(_EntryIn):
    """A broadcast that is sent, to those who are in its audience now."""

    broadcast: _Key = Field(description="Key of the broadcast.")


class ImaginedEventIn(_EntryIn, RehearsalIn):
    """An event of a source, for which its mappings trigger workflows."""

    source: _Key = Field(description="Key of the source.")


class ImaginedSchedulesIn(_EntryIn):
    """All occurrences of the schedules of a workflow from `at` on."""

    schedules_of: _Key = Field(description="Key of the workflow.")
    until: Instant = Field(description="Schedules do not occur after this time.")


class ImaginedVisitIn(_EntryIn):
    """Users who open the application, where they may see guides."""

    viewers: list[UserId] = Field(
        description="Ids of users.", min_length=1, max_length=MOST_VIEWERS
    )
    tenant: ObjectId | None = Field(
        None, description="The id of the tenant on whose behalf it happens."
    )
    data: Members[Any] | None = Field(None, description="The data that the application sends.")


_NAMES = ("workflow", "audience", "broadcast", "source", "schedules_of", "viewers")


def _kind(raw: object) -> str | None:
    """Tell an entry by the one member that names what it is about."""
    if not isinstance(raw, dict):
        return None
    named = [name for name in _NAMES if name in raw] or ["workflow"]
    return f"({named[0]})" if len(named) == 1 else None


ScriptEntryIn: TypeAlias = Annotated[
    Annotated[ImaginedTriggerIn, Tag("(workflow)")]
    | Annotated[ImaginedEntryIn, Tag("(audience)")]
    | Annotated[ImaginedBroadcastIn, Tag("(broadcast)")]
    | Annotated[ImaginedEventIn, Tag("(source)")]
    | Annotated[ImaginedSchedulesIn, Tag("(schedules_of)")]
    | Annotated[ImaginedVisitIn, Tag("(viewers)")],
    Discriminator(
        _kind,
        custom_error_type="script_entry",
        custom_error_message="is not an entry of a script",
    ),
]
