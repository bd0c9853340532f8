"""Wire shapes of the admin API."""

from __future__ import annotations

from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.kit.shapes import LeftOut, Moment, Out
from api.knock.preferences.schemas import PreferenceSetOut
from api.management.account.schemas import EnvironmentOut
from api.management.channels.schemas import ChannelOut
from api.management.content.variables import VariableOut
from domain.account.credentials import ApiKey, Issued, ServiceToken
from domain.account.environments import Environment
from domain.account.security import IssuedSigningKey, Security, SigningKey
from domain.agents.model_providers import ModelProvider
from domain.deliveries.claims import HeldChannel
from domain.kit.json_types import JsonObject
from domain.preferences.names import DEFAULT_SET
from domain.schedules.rows import DropReason, Schedule
from services.account.chain import NewEnvironment
from services.agents.model_providers import SHOWN_KEY


class ChannelBodyOut(Out):
    """The channel as it is now."""

    channel: ChannelOut


class HeldChannelOut(Out):
    """A channel that is held, and how many of its messages are on their way."""

    channel: str
    environment: str
    since: Moment
    messages: int

    @classmethod
    def of(cls, held: HeldChannel) -> Self:
        """Write a hold."""
        return cls(
            channel=held.channel_key,
            environment=held.environment,
            since=held.since,
            messages=held.messages,
        )


class HeldChannelsOut(Out):
    """All channels that are held."""

    entries: list[HeldChannelOut]


class VariableBodyOut(Out):
    """The variable as it is now."""

    variable: VariableOut


class BrandingBodyOut(Out):
    """The branding as templates see it, with what stands for the members that are not set."""

    branding: dict[str, Any]


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


class ModelProviderOut(Out):
    """A provider of language models in one environment; its key is masked."""

    name: str
    adapter: str
    base_url: str | None
    api_key: str
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, stored: ModelProvider) -> Self:
        """Write a provider."""
        return cls(
            name=stored.name,
            adapter=stored.adapter,
            base_url=stored.base_url,
            api_key=SHOWN_KEY,
            created_at=stored.inserted_at,
            updated_at=stored.updated_at,
        )


class ModelProviderBodyOut(Out):
    """The provider as it is now."""

    model_provider: ModelProviderOut


class SigningKeyOut(Out):
    """A signing key; `signing_key`, its private half, is there once, when it was made here."""

    id: str
    name: str
    public_key: str
    created_at: Moment
    signing_key: LeftOut[str] = None

    @classmethod
    def of(cls, row: SigningKey, private_key: str | None = None) -> Self:
        """Write a key."""
        return cls(
            id=str(row.id),
            name=row.name,
            public_key=row.public_key,
            created_at=row.inserted_at,
            signing_key=private_key,
        )


class SigningKeyBodyOut(Out):
    """The key just stored."""

    signing_key: SigningKeyOut

    @classmethod
    def of(cls, issued: IssuedSigningKey) -> Self:
        """Write a key with its private half."""
        return cls(signing_key=SigningKeyOut.of(issued.row, issued.private_key))


class EnvironmentBodyOut(Out):
    """The environment as it is now."""

    environment: EnvironmentOut

    @classmethod
    def of(cls, environment: Environment) -> Self:
        """Write an environment."""
        return cls(environment=EnvironmentOut.of(environment))


class NewEnvironmentOut(Out):
    """The environment just made, with its first keys."""

    environment: EnvironmentOut
    api_keys: list[ApiKeyOut]
    signing_key: SigningKeyOut

    @classmethod
    def of(cls, made: NewEnvironment) -> Self:
        """Write an environment with the tokens of its keys."""
        signing = made.signing_key
        return cls(
            environment=EnvironmentOut.of(made.environment),
            api_keys=[ApiKeyOut.of(key.row, key.token) for key in made.api_keys],
            signing_key=SigningKeyOut.of(signing.row, signing.private_key),
        )


class SecurityOut(Out):
    """What public keys of an environment need."""

    enhanced_security: bool | None = Field(
        description="null: required in every environment except `development`."
    )
    requires_user_token: bool

    @classmethod
    def of(cls, security: Security) -> Self:
        """Write it."""
        return cls(
            enhanced_security=security.enhanced_security, requires_user_token=security.is_required
        )


class SecurityBodyOut(Out):
    """What public keys of the environment need now."""

    security: SecurityOut

    @classmethod
    def of(cls, security: Security) -> Self:
        """Write it."""
        return cls(security=SecurityOut.of(security))


class ScheduleStateOut(Out):
    """When a schedule occurs, and why not; what it triggers is in the Knock API."""

    id: UUID
    workflow: str
    paused_at: Moment | None
    next_occurrence_at: Moment | None
    last_occurrence_at: Moment | None
    dropped_at: Moment | None = Field(description="The last occurrence that made no run.")
    drop_reason: DropReason | None = Field(description="Why it made no run.")

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


class CallbackOut(Out):
    """Where a vendor tells what became of messages."""

    url: str


class CountOut(Out):
    """How many there were."""

    count: int
