"""Every operation that takes a public key says what a user token has to allow for it."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from api.kit.abilities import ability_for
from api.kit.auth import require_feed_key
from api.kit.cors import calls_of
from api.knock import ROUTERS

OPEN = [
    (method, route.path_format)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and require_feed_key in calls_of(route.dependant)
    for method in sorted(route.methods)
]


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_an_operation_open_to_public_keys_names_an_ability(method: str, path: str) -> None:
    """Without one, a token with explicit grants would be let through: `api/kit/abilities.py`."""
    assert ability_for(method, path) is not None
