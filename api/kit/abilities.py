"""What a user token has to allow for each operation that is open to public keys.

Source: Knock docs, "Security and authentication" (the table of operations, and the grants); and
what Knock's browser client calls with a public key beside those. A route that takes a public key
has to stand here: `tests/house/test_public_operations.py`.
"""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

from domain.kit.user_tokens import Ability

# What begins a path, and what is needed to read there and to write.
_Needed: TypeAlias = tuple[Ability, Ability]
_PREFIXES: tuple[tuple[str, _Needed], ...] = (
    ("/v1/users/{user_id}/feeds/", (Ability.FEED_READ, Ability.FEED_WRITE)),
    ("/v1/users/{user_id}/guides/", (Ability.GUIDE_READ, Ability.GUIDE_WRITE)),
    (
        "/v1/users/{user_id}/preference",  # preferences, and the preference center
        (Ability.PREFERENCES_READ, Ability.PREFERENCES_WRITE),
    ),
    (
        "/v1/users/{user_id}/channel_data/",
        (Ability.CHANNEL_DATA_READ, Ability.CHANNEL_DATA_WRITE),
    ),
    (
        "/v1/objects/{collection}/{object_id}/channel_data/",
        (Ability.CHANNEL_DATA_READ, Ability.CHANNEL_DATA_WRITE),
    ),
    ("/v1/users/{user_id}", (Ability.USER_READ, Ability.USER_WRITE)),
    ("/v1/messages/", (Ability.FEED_READ, Ability.FEED_WRITE)),
    ("/v1/channels/{channel_id}/messages/bulk/", (Ability.FEED_READ, Ability.FEED_WRITE)),
    # There is no grant of its own for taking a workspace's access away.
    ("/v1/providers/slack/", (Ability.SLACK_CHANNELS_READ, Ability.SLACK_CHANNELS_READ)),
    ("/v1/providers/ms-teams/", (Ability.MS_TEAMS_CHANNELS_READ, Ability.MS_TEAMS_CHANNELS_READ)),
)
_READING = ("GET", "HEAD")


@cache
def ability_for(method: str, path: str) -> Ability | None:
    """Return what an operation needs; None for one that is not open to public keys.

    Args:
        method: of the request.
        path: of the route, with the names of its parameters.
    """
    for prefix, (reading, writing) in _PREFIXES:
        if path.startswith(prefix):
            return reading if method in _READING else writing
    return None
