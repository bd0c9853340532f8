"""Wire shapes of users, objects, tenants and subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args
from uuid import UUID

from pydantic import ConfigDict, Field

from domain.channels.channel_data import AnyChannelData
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.json_types import JsonObject
from domain.kit.shapes import DocumentedAs
from domain.recipients.recipients import Recipient
from domain.recipients.shapes import AnyText, TenantSettingsIn
from domain.recipients.subscriptions import SubscriptionView
from services.recipients.channel_data import ChannelDataView

PreferenceSets = Annotated[
    dict[str, dict[str, Any]], Field(description="By set id; only with `include[]=preferences`.")
]


def _sets(preferences: JsonObject | None) -> JsonObject | None:
    """Write preference sets as Knock does: each names its id."""
    if preferences is None:
        return None
    return {key: {"id": key, **content} for key, content in preferences.items()}


class UserOut(Out):
    """A user; further members are its custom properties."""

    # By alias only: a custom property may bear the name of a field.
    model_config = ConfigDict(extra="allow", populate_by_name=False)

    typename: Annotated[Literal["User"], Field(alias="__typename")]
    id: str
    name: AnyText
    email: AnyText
    phone_number: AnyText
    avatar: AnyText
    timezone: AnyText
    created_at: Moment | None
    updated_at: Moment
    preferences: LeftOut[PreferenceSets] = None

    @classmethod
    def of(cls, user: Recipient, preferences: JsonObject | None = None) -> Self:
        """Write a user; with its preference sets by id, when they were asked for."""
        return cls.model_validate(
            {
                **dict.fromkeys(("name", "email", "phone_number", "avatar", "timezone")),
                **user.properties,
                "__typename": "User",
                "id": user.id,
                "created_at": user.created_at,
                "updated_at": user.updated_at,
                "preferences": _sets(preferences),
            }
        )


class ObjectOut(Out):
    """An object; names and custom properties alike are in `properties`."""

    typename: Annotated[Literal["Object"], Field(alias="__typename")]
    id: str
    collection: str
    properties: dict[str, Any]
    created_at: Moment | None
    updated_at: Moment
    preferences: LeftOut[PreferenceSets] = None

    @classmethod
    def of(cls, found: Recipient, preferences: JsonObject | None = None) -> Self:
        """Write an object; with its preference sets by id, when they were asked for."""
        return cls(
            typename="Object",
            id=found.id,
            collection=found.collection,
            properties=found.properties,
            created_at=found.created_at,
            updated_at=found.updated_at,
            preferences=_sets(preferences),
        )


class TenantOut(Out):
    """A tenant; further members are its custom properties."""

    # By alias only: a custom property may bear the name of a field.
    model_config = ConfigDict(extra="allow", populate_by_name=False)

    typename: Annotated[Literal["Tenant"], Field(alias="__typename")]
    id: str
    name: AnyText
    settings: Annotated[dict[str, Any], DocumentedAs(TenantSettingsIn)] = Field(
        description="Branding and preference set."
    )
    created_at: Moment | None
    updated_at: Moment

    @classmethod
    def of(cls, tenant: Recipient) -> Self:
        """Write a tenant; its own preference set always has the id `default`."""
        settings: JsonObject = {"branding": None, "preference_set": None} | (tenant.settings or {})
        if isinstance(settings["preference_set"], dict):
            settings["preference_set"] = {"id": "default", **settings["preference_set"]}
        return cls.model_validate(
            {
                "name": None,
                **tenant.properties,
                "__typename": "Tenant",
                "id": tenant.id,
                "settings": settings,
                "created_at": tenant.created_at,
                "updated_at": tenant.updated_at,
            }
        )


# A recipient or an actor.
RecipientOut: TypeAlias = UserOut | ObjectOut


def recipient_out(found: Recipient, preferences: JsonObject | None = None) -> RecipientOut:
    """Write a recipient as what it is; a tenant counts as an object."""
    if found.ref.is_user:
        return UserOut.of(found, preferences)
    return ObjectOut.of(found, preferences)


class SubscriptionOut(Out):
    """That a recipient follows an object."""

    typename: Annotated[Literal["Subscription"], Field(alias="__typename")]
    recipient: RecipientOut
    object: ObjectOut
    properties: dict[str, Any]
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, found: SubscriptionView, followed: ObjectOut | None = None) -> Self:
        """Write a subscription; with its object, if that is written already."""
        return cls(
            typename="Subscription",
            recipient=recipient_out(found.recipient, found.preferences),
            object=followed or ObjectOut.of(found.object),
            properties=found.subscription.properties,
            inserted_at=found.subscription.inserted_at,
            updated_at=found.subscription.updated_at,
        )

    @classmethod
    def of_one_object(cls, found: Sequence[SubscriptionView]) -> list[Self]:
        """Write subscriptions to one object, which is written once."""
        followed = ObjectOut.of(found[0].object) if found else None
        return [cls.of(one, followed) for one in found]


_Provider: TypeAlias = Literal[
    "push_fcm",
    "push_apns",
    "push_expo",
    "push_aws_sns",
    "push_one_signal",
    "chat_slack",
    "chat_ms_teams",
    "chat_discord",
    "http_knock_webhook",
]


class ChannelDataOut(Out):
    """What a recipient has stored for a channel."""

    typename: Annotated[Literal["ChannelData"], Field(alias="__typename")] = "ChannelData"
    channel_id: UUID
    data: Annotated[dict[str, Any], DocumentedAs(AnyChannelData)]
    provider: LeftOut[Annotated[str, DocumentedAs(_Provider)]] = Field(
        None, description="Present for Knock's providers only."
    )

    @classmethod
    def of(cls, view: ChannelDataView) -> Self:
        """Write it."""
        is_known = view.provider in get_args(_Provider)
        return cls(
            channel_id=view.channel_id,
            data=view.data,
            provider=view.provider if is_known else None,
        )
