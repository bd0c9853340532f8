"""The order of guides, which Knock keeps in its dashboard."""

from __future__ import annotations

import httpx

from services.guides.showing import show_guides, shown_order
from tests.support.account import Account
from tests.support.guides import publish_guide

_PATH = "/v1/admin/environments/development/guide_group"


async def test_the_order_takes_effect_at_once(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Those that wait for none come first, then those that are named, then the others."""
    said = {
        "display_interval": 3600,
        "display_sequence": ["gone", "third", "first"],
        "display_sequence_unthrottled": ["second"],
    }
    assert (await management.get(_PATH)).json()["guide_group"]["display_interval"] is None
    stored = (await management.put(_PATH, json=said)).json()["guide_group"]
    assert {name: stored[name] for name in said} == said
    assert (await management.get(_PATH)).json() == {"guide_group": stored}
    world = await account.world()
    for key in ("first", "second", "third", "fourth"):
        await publish_guide(world, key, channel_key="in-app-guide")
    rows = await account.rows("SELECT id FROM channels WHERE key = 'in-app-guide'")
    view = await show_guides(world.engine, world.environment.scope, "ellie", rows[0]["id"])
    assert list(shown_order(view)) == [
        ("second", True),
        ("third", False),
        ("first", False),
        ("fourth", False),
    ]
    assert view.group is not None
    assert view.group.display_interval == 3600


async def test_what_is_refused(management: httpx.AsyncClient) -> None:
    """Each violation is at its place."""
    bad = {"display_interval": -1, "display_sequence": [""], "display_sequence_unthrottled": 3}
    refused = await management.put(_PATH, json=bad)
    assert {error["field"] for error in refused.json()["errors"]} == {
        "display_interval",
        "display_sequence[0]",
        "display_sequence_unthrottled",
    }
