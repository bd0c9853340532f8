"""Wire shapes of environments and of the account."""

from __future__ import annotations

from typing import Literal, Self
from uuid import UUID

from pydantic import Field

from domain.account.environments import Environment
from domain.account.members import Member, Role
from domain.kit.answers import Moment, Out
from services.account.assets import AssetView


class EnvironmentOut(Out):
    """An environment; `order` is its place in the promotion chain."""

    slug: str
    name: str
    order: int
    owner: Literal["system", "user"] = Field(
        description="Whether the member was there from the beginning, or was added later."
    )
    hide_pii_data: bool = False
    label_color: str | None = None
    last_commit_at: Moment | None
    created_at: Moment
    updated_at: Moment
    deleted_at: Moment | None = None

    @classmethod
    def of(cls, environment: Environment) -> Self:
        """Write an environment."""
        return cls(
            slug=environment.slug,
            name=environment.name,
            order=environment.position,
            owner=environment.owner,
            last_commit_at=environment.last_commit_at,
            created_at=environment.inserted_at,
            updated_at=environment.updated_at,
        )


class FeaturesOut(Out):
    """What the account can do.

    Limits are null where there are none. What this version lacks is false, so that Knock's CLI
    leaves it out instead of failing.
    """

    batch_items_render_limit_allowed: bool = False
    custom_branding_allowed: bool = False
    data_retention_days: int | None
    data_warehouse_extension_allowed: bool = False
    datadog_extension_allowed: bool = False
    dsync_allowed: bool = False
    guides_monthly_notified_recipients_limit: int | None = None
    guides_per_tenant_scope_allowed: bool = True
    heap_extension_allowed: bool = False
    knock_branding_required: bool = False
    litmus_email_preview_allowed: bool = False
    message_sent_limit: int | None = None
    new_relic_extension_allowed: bool = False
    permission_groups_allowed: bool = False
    segment_extension_allowed: bool = False
    self_serve_allowed: bool = True
    sso_allowed: bool = False
    tenant_preferences_allowed: bool = True
    translations_allowed: bool = True


class WhoamiOut(Out):
    """Whose token this is: always a service token of the one account."""

    account_name: str = "Carillon"
    account_slug: str = "carillon"
    type: Literal["service_token"] = "service_token"
    service_token_name: str
    user_id: str | None = None
    user_name: str | None = None
    user_email: str | None = None
    account_features: FeaturesOut


class ExchangedOut(Out):
    """A secret key of one environment."""

    api_key: str


class MemberUserOut(Out):
    """The person that a member is."""

    id: UUID
    email: str
    name: str | None
    avatar_url: str | None
    created_at: Moment
    updated_at: Moment


class MemberOut(Out):
    """Who belongs to the account, and as what."""

    id: UUID
    role: Role
    user: MemberUserOut
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, member: Member) -> Self:
        """Write a member."""
        return cls(
            id=member.id,
            role=Role(member.role),
            user=MemberUserOut(
                id=member.user_id,
                email=member.email,
                name=member.name,
                avatar_url=member.avatar_url,
                created_at=member.inserted_at,
                updated_at=member.updated_at,
            ),
            created_at=member.inserted_at,
            updated_at=member.updated_at,
        )


class MemberBodyOut(Out):
    """The member as it is now."""

    member: MemberOut


class AssetOut(Out):
    """A file of the account, and where everybody finds it."""

    id: UUID
    filename: str | None
    mime_type: str
    asset_type: str
    url: str
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: AssetView) -> Self:
        """Write a file."""
        asset = view.asset
        return cls(
            id=asset.id,
            filename=asset.filename,
            mime_type=asset.mime_type,
            asset_type=asset.asset_type,
            url=view.url,
            created_at=asset.inserted_at,
            updated_at=asset.updated_at,
        )


class AssetBodyOut(Out):
    """The file as it is now."""

    asset: AssetOut
