"""The preference center of a user: what it shows, and a link to the hosted page."""

from __future__ import annotations

from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends
from starlette.responses import JSONResponse

from api.kit.auth import EngineDep, FeedKey, SecretKey
from api.kit.parameters import ERROR_RESPONSES
from api.kit.rate_limits import feed_limit, secret_limit
from api.kit.shapes import answer
from api.knock.recipients.paths import known_user
from domain.kit.answers import LeftOut, Out
from domain.preferences.center import RowType
from domain.recipients.refs import RecipientRef
from services.preferences.centers import CenterView, get_view
from services.preferences.hosted import sign_url

router = APIRouter(
    prefix="/v1/users/{user_id}/preference_center", tags=["Users"], responses=ERROR_RESPONSES
)

KnownUser = Annotated[RecipientRef, Depends(known_user)]


class BrandOut(Out):
    """Logos and colours."""

    icon_url: str | None
    logo_url: str | None
    primary_color: str | None
    primary_color_contrast: str | None

    @classmethod
    def read(cls, branding: dict[str, Any], prefix: str = "") -> dict[str, str | None]:
        """Return the members of a stored branding that are texts."""
        found = {name: branding.get(f"{prefix}{name}") for name in BrandOut.model_fields}
        return {name: text if isinstance(text, str) else None for name, text in found.items()}


class BrandingOut(BrandOut):
    """The branding of the environment, and what is different in the dark."""

    dark: BrandOut


class RowOut(Out):
    """A row of the page."""

    type: RowType
    name: str
    description: LeftOut[str] = None
    identifier: str | None
    channel_types: list[str] | None


class ConfigOut(Out):
    """What the page shows."""

    title: str
    body: str
    show_account_name: bool
    rows: list[RowOut]


class CenterConfigOut(Out):
    """What a page shows to a user, and in which colours."""

    enabled: bool
    config: ConfigOut
    branding: BrandingOut
    account_name: str | None
    user_email: str | None
    knock_branding_required: bool = False

    @classmethod
    def of(cls, view: CenterView) -> Self:
        """Write a view."""
        center, branding = view.center, view.around.branding
        return cls(
            enabled=center.enabled,
            config=ConfigOut(
                title=center.text("title"),
                body=center.text("body"),
                show_account_name=center.shows_account_name,
                rows=[
                    RowOut(
                        type=row.type,
                        name=row.name,
                        description=row.description or None,
                        identifier=row.identifier,
                        channel_types=list(row.channel_types) or None,
                    )
                    for row in center.rows()
                ],
            ),
            branding=BrandingOut(
                **BrandOut.read(branding), dark=BrandOut(**BrandOut.read(branding, "dark_"))
            ),
            account_name=view.around.account_name,
            user_email=view.user_email,
        )


class SignedUrlOut(Out):
    """A link to the hosted page of a user, and its last part."""

    url: str
    token: str


@router.get("/config", response_model=CenterConfigOut, dependencies=[feed_limit(4)])
async def get_preference_center_config(
    user: KnownUser, principal: FeedKey, engine: EngineDep
) -> JSONResponse:
    """Get the preference center of a user."""
    view = await get_view(engine, principal.environment, user)
    return answer(CenterConfigOut.of(view))


@router.post("/signed_url", response_model=SignedUrlOut, dependencies=[secret_limit(3)])
async def generate_preference_center_signed_url(
    user: KnownUser, principal: SecretKey, engine: EngineDep
) -> JSONResponse:
    """Create a link to the preference center of a user; anyone who has it can use it."""
    made = await sign_url(engine, principal.environment, user)
    return answer(SignedUrlOut(url=made.url, token=made.token))
