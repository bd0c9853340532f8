"""Feeds on the socket as mobile and older clients join them: with the options of one instance.

The payloads are written down from the sources of each client; those of today are in the modules
beside this one.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.knock.realtime.conftest import counts
from tests.support.sockets import open_page
from tests.support.steps import feed_step
from tests.support.world import World

_FLUTTER: dict[str, Any] = {
    "before": None,
    "after": None,
    "page_size": None,
    "status": None,
    "source": None,
    "tenant": None,
    "has_tenant": None,
    "workflow_categories": None,
    "archived": "exclude",
    "trigger_data": None,
    "inserted_at_date_range": None,
}
_SWIFT = {
    "before": "older",
    "page_size": 20,
    "status": "unread",
    "has_tenant": False,
    "archived": "exclude",
    "trigger_data": {"n": 1},
}
_RANGE = {"start": "2026-01-01T00:00:00Z", "end": None, "inclusive": True}
_ONE, _NONE_READ, _NONE = (1, 1, 1), (0, 1, 1), (0, 0, 0)


@pytest.mark.parametrize(
    ("options", "counted"),
    [
        pytest.param({}, _ONE, id="swift and android, without options"),
        pytest.param({"archived": "exclude"}, _ONE, id="swift, by default"),
        pytest.param(_SWIFT, _ONE, id="swift, with options"),
        pytest.param({"trigger_data": {"n": 2}}, _NONE, id="swift, with other data"),
        pytest.param({"archived": "EXCLUDE", "status": "READ"}, _NONE_READ, id="android"),
        pytest.param(_FLUTTER, _ONE, id="flutter, by default"),
        pytest.param(
            {**_FLUTTER, "has_tenant": True, "inserted_at_date_range": _RANGE},
            _NONE,
            id="flutter, with options",
        ),
        pytest.param(
            {"archived": "exclude", "mode": "compact", "inserted_at.gte": "2099-01-01T00:00:00Z"},
            _NONE,
            id="javascript 0.13",
        ),
    ],
)
async def test_a_client_without_instances_is_told_by_its_options(
    world: World, address: str, feed: str, options: dict[str, Any], counted: tuple[int, int, int]
) -> None:
    """The counts stand at the top, where such a client reads them, and under no name."""
    async with open_page(address, world.environment.public_key, user_token="") as page:
        join_ref = await page.join(feed, options)
        await world.send(feed_step("Hi"), recipients=[{"id": "ellie"}], data={"n": 1})
        assert await page.event() == [
            *(join_ref, None, feed, "new-message"),
            {"event": "new-message", "metadata": counts(*counted), "data": {}, "attn": []},
        ]
