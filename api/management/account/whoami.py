"""Whose token this is, and what the account can do."""

from __future__ import annotations

from fastapi import APIRouter

from api.kit.auth import ServiceToken
from api.kit.parameters import ERROR_RESPONSES
from api.management.channels.schemas import WhoamiOut
from domain.kit.json_types import JsonObject

router = APIRouter(prefix="/v1/whoami", tags=["Account"], responses=ERROR_RESPONSES)

# Limits are null because there are none; what this version lacks is false, so that Knock's CLI
# leaves it out instead of failing.
_FEATURES: JsonObject = {
    "batch_items_render_limit_allowed": False,
    "custom_branding_allowed": False,
    "data_retention_days": None,
    "data_warehouse_extension_allowed": False,
    "datadog_extension_allowed": False,
    "dsync_allowed": False,
    "guides_monthly_notified_recipients_limit": None,
    "guides_per_tenant_scope_allowed": False,
    "heap_extension_allowed": False,
    "knock_branding_required": False,
    "litmus_email_preview_allowed": False,
    "message_sent_limit": None,
    "new_relic_extension_allowed": False,
    "permission_groups_allowed": False,
    "segment_extension_allowed": False,
    "self_serve_allowed": True,
    "sso_allowed": False,
    "tenant_preferences_allowed": False,
    "translations_allowed": False,
}


@router.get("", responses={200: {"model": WhoamiOut}})
async def whoami(token: ServiceToken) -> JsonObject:
    """Tell whose token this is."""
    return {
        "account_name": "Carillon",
        "account_slug": "carillon",
        "type": "service_token",
        "service_token_name": token.name,
        "user_id": None,
        "user_name": None,
        "user_email": None,
        "account_features": _FEATURES,
    }
