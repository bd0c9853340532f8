"""Reads a user's in-app feed: items, who made them, and the badge counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.channels import ChannelType
from domain.errors import NotFound
from domain.filters import FeedFilter
from domain.json_types import JsonObject
from domain.pages import Page, PageRequest
from domain.principals import EnvironmentScope
from domain.refs import RecipientRef
from models.queries import feeds
from runtime.database import Connection
from runtime.platform import Platform
from services.messages import ref_of_wire


@dataclass(frozen=True, slots=True)
class FeedView:
    """What a feed shows.

    Attributes:
        page: rows of messages, newest first.
        counts: total_count, unread_count, unseen_count.
        people: rows of actors and of the user, as far as they are stored.
        trigger_data: by recipient run; empty in compact mode.
    """

    page: Page
    counts: JsonObject
    people: dict[RecipientRef, dict[str, Any]]
    trigger_data: dict[UUID, JsonObject]


async def check_feed_channel(platform: Platform, channel_id: UUID) -> None:
    """Check that a channel is an in-app feed. Raises NotFound."""
    async with platform.database.connection() as connection:
        await _require_feed_channel(connection, channel_id)


async def _require_feed_channel(connection: Connection, channel_id: UUID) -> None:
    if await feeds.channel_type_of(connection, channel_id) != ChannelType.IN_APP_FEED:
        raise NotFound("There is no in-app feed channel with this id.")


async def load_feed(
    platform: Platform,
    environment: EnvironmentScope,
    channel_id: UUID,
    user_id: str,
    *,
    wanted: FeedFilter,
    request: PageRequest,
    is_rich: bool,
) -> FeedView:
    """Return a page of a user's feed; an unknown user has an empty one.

    Raises:
        NotFound: the channel is no in-app feed.
    """
    user = RecipientRef.user(user_id)
    async with platform.database.connection() as connection:
        await _require_feed_channel(connection, channel_id)
        page = await feeds.list_items(
            connection, environment.id, channel_id, user, wanted=wanted, request=request
        )
        counts = await feeds.count_items(connection, environment.id, channel_id, user, wanted)
        refs = {ref_of_wire(actor) for row in page.rows for actor in row["actors"]}
        data: dict[UUID, JsonObject] = {}
        if is_rich and page.rows:
            refs.add(user)
            runs = {row["recipient_run_id"] for row in page.rows} - {None}
            data = await feeds.trigger_data_of(connection, environment.id, runs)
        people = await feeds.recipients_by_ref(connection, environment.id, refs)
    return FeedView(page, counts, people, data)
