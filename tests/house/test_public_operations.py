"""Which operations take a public key, and that each says what a user token has to allow for it."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from api.kit.abilities import ability_for
from api.kit.auth import require_feed_key
from api.kit.cors import calls_of
from api.knock.routers import ROUTERS

OPEN = {
    (method, route.path_format)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and require_feed_key in calls_of(route.dependant)
    for method in route.methods
}

# Knock docs, "Security and authentication", "Public API key endpoints"; and what Knock's browser
# client (`@knocklabs/client`) calls with a public key beside those. Everything else is for servers.
_USER = "/v1/users/{user_id}"
_SET = f"{_USER}/preferences/{{set_id}}"
_MESSAGE = "/v1/messages/{message_id}"
_SLACK = "/v1/providers/slack/{channel_id}"
_TEAMS = "/v1/providers/ms-teams/{channel_id}"
_OBJECT_DATA = "/v1/objects/{collection}/{object_id}/channel_data/{channel_id}"
PUBLIC = {
    *((method, _USER) for method in ("GET", "PUT")),
    ("GET", f"{_USER}/preferences"),
    *((method, _SET) for method in ("GET", "PUT")),
    *(("PUT", f"{_SET}/{part}") for part in ("channel_types", "categories", "workflows")),
    ("PUT", f"{_SET}/channel_types/{{channel_type}}"),
    *(("PUT", f"{_SET}/{part}/{{key}}") for part in ("categories", "workflows")),
    ("GET", f"{_USER}/preference_center/config"),
    *((method, f"{_USER}/channel_data/{{channel_id}}") for method in ("GET", "PUT", "DELETE")),
    *((method, _OBJECT_DATA) for method in ("GET", "PUT")),
    ("GET", f"{_USER}/feeds/{{channel_id}}"),
    ("GET", f"{_USER}/feeds/{{channel_id}}/settings"),
    ("GET", _MESSAGE),
    *(("PUT", f"{_MESSAGE}/{done}") for done in ("seen", "read", "archived", "interacted")),
    *(("DELETE", f"{_MESSAGE}/{done}") for done in ("seen", "read", "archived")),
    *(("DELETE", f"{_MESSAGE}/{undone}") for undone in ("unseen", "unread", "unarchived")),
    *(
        ("POST", f"/v1/messages/batch/{action}")
        for action in ("seen", "unseen", "read", "unread", "archived", "unarchived", "interacted")
    ),
    ("POST", "/v1/channels/{channel_id}/messages/bulk/{action}"),
    ("GET", f"{_USER}/guides/{{channel_id}}"),
    *(
        ("PUT", f"{_USER}/guides/messages/{place}{action}")
        for place in ("", "{message_id}/")
        for action in ("seen", "interacted", "archived")
    ),
    ("PUT", f"{_USER}/guides/engagements/reset"),
    *(("GET", f"{_SLACK}/{asked}") for asked in ("auth_check", "channels", "revoke_access")),
    ("PUT", f"{_SLACK}/revoke_access"),
    *(("GET", f"{_TEAMS}/{asked}") for asked in ("auth_check", "teams", "channels")),
    ("PUT", f"{_TEAMS}/revoke_access"),
}


def test_no_other_operation_is_open_to_public_keys() -> None:
    """A public key stands in every page: what it may do is what Knock lets it do."""
    assert OPEN == PUBLIC


@pytest.mark.parametrize(("method", "path"), sorted(OPEN))
def test_an_operation_open_to_public_keys_names_an_ability(method: str, path: str) -> None:
    """Without one, a token with explicit grants would be let through: `api/kit/abilities.py`."""
    assert ability_for(method, path) is not None
