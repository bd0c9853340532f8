"""Wire shapes of the admin API."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import Field

from api.kit.shapes import LeftOut, Moment, Out
from api.knock.preferences.schemas import PreferenceSetOut
from api.management.channels.schemas import ChannelOut
from domain.account.credentials import ApiKey, Issued, ServiceToken
from domain.kit.json_types import JsonObject
from domain.preferences.names import DEFAULT_SET
from domain.schedules.rows import DropReason, Schedule


class ChannelBodyOut(Out):
    """The channel as it is now."""

    channel: ChannelOut


class PreferenceSetBodyOut(Out):
    """The default preferences as they are now."""

    preference_set: PreferenceSetOut

    @classmethod
    def of(cls, content: JsonObject) -> Self:
        """Write a default set."""
        return cls(preference_set=PreferenceSetOut.of_content(DEFAULT_SET, content))


class ApiKeyOut(Out):
    """An API key; `token` is there once, in the answer that made it."""

    id: str
    environment: str
    kind: Literal["secret", "public"]
    name: str
    hint: str
    created_at: Moment
    expires_at: Moment | None
    token: LeftOut[str] = None

    @classmethod
    def of(cls, key: ApiKey, token: str | None = None) -> Self:
        """Write a key."""
        return cls(
            id=str(key.id),
            environment=key.environment,
            kind="public" if key.kind == "public" else "secret",
            name=key.name,
            hint=key.hint,
            created_at=key.inserted_at,
            expires_at=key.expires_at,
            token=token,
        )


class ApiKeyBodyOut(Out):
    """The key just made."""

    api_key: ApiKeyOut

    @classmethod
    def of(cls, issued: Issued[ApiKey]) -> Self:
        """Write a key with its token."""
        return cls(api_key=ApiKeyOut.of(issued.row, issued.token))


class ServiceTokenOut(Out):
    """A service token; `token` is there once, in the answer that made it."""

    id: str
    name: str
    hint: str
    created_at: Moment
    token: LeftOut[str] = None

    @classmethod
    def of(cls, row: ServiceToken, token: str | None = None) -> Self:
        """Write a service token."""
        return cls(
            id=str(row.id), name=row.name, hint=row.hint, created_at=row.inserted_at, token=token
        )


class ServiceTokenBodyOut(Out):
    """The token just made."""

    service_token: ServiceTokenOut

    @classmethod
    def of(cls, issued: Issued[ServiceToken]) -> Self:
        """Write a service token with the token itself."""
        return cls(service_token=ServiceTokenOut.of(issued.row, issued.token))


class ScheduleStateOut(Out):
    """When a schedule occurs, and why not; what it triggers is in the Knock API."""

    id: UUID
    workflow: str
    paused_at: Moment | None
    next_occurrence_at: Moment | None
    last_occurrence_at: Moment | None
    dropped_at: Moment | None = Field(description="The last occurrence that made no run.")
    drop_reason: DropReason | None = Field(description="Why it made none.")

    @classmethod
    def of(cls, schedule: Schedule) -> Self:
        """Write the state of a schedule."""
        reason = schedule.drop_reason
        return cls(
            id=schedule.id,
            workflow=schedule.workflow_key,
            paused_at=schedule.paused_at,
            next_occurrence_at=schedule.next_occurrence_at,
            last_occurrence_at=schedule.last_occurrence_at,
            dropped_at=schedule.dropped_at,
            drop_reason=None if reason is None else DropReason(reason),
        )


class ScheduleStateBodyOut(Out):
    """The schedule as it is now."""

    schedule: ScheduleStateOut

    @classmethod
    def of(cls, schedule: Schedule) -> Self:
        """Write the state of a schedule."""
        return cls(schedule=ScheduleStateOut.of(schedule))
