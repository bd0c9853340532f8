"""Reads a user's in-app feed: items, who made them, and the badge counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.batches.gathered import Contribution
from domain.channels.response_filter import ResponseFilter, read_response_filter
from domain.kit.errors import NotFound
from domain.kit.json_types import JsonObject, encoded_size
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.messages.filters import FeedFilters
from domain.messages.kept_data import may_be_cut, scalars
from domain.messages.messages import FeedCounts, FeedItem
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from models.queries.batches.items import some_items
from models.queries.in_app import feeds as statements
from models.queries.messages import activities
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection
from services.batches.gathering import contributions_of
from services.engine import Engine

# A trigger may carry 10 MB and a person 256 kB; a feed repeats both in up to 50 items. Beyond these
# bounds an item shows the data that its message keeps, and of a person id, name and avatar.
MAX_ITEM_DATA_BYTES = 64 * 1024
MAX_FEED_DATA_BYTES = 1024 * 1024
MAX_PERSON_BYTES = 16 * 1024
# As many as a template sees of a batch; `total_activities` counts all.
MAX_ITEM_ACTIVITIES = 100


@dataclass(frozen=True, slots=True)
class FeedView:
    """What a feed shows.

    Attributes:
        page: items, newest first.
        counts: for badges.
        people: actors and the user, as far as they are stored and may be seen.
        trigger_data: by recipient run, as far as the answer has room, where an item shows other
            data than its message keeps.
        batched: by batch, the items that are shown of it; empty in compact mode.
        is_rich: whether items show all of their trigger's data, and their activities.
        variables: those that anybody may see.
        response_filter: what is shown of all this.
    """

    page: Page[FeedItem]
    counts: FeedCounts
    people: dict[RecipientRef, Recipient]
    trigger_data: dict[UUID, JsonObject]
    batched: dict[UUID, list[Contribution]]
    is_rich: bool
    variables: JsonObject
    response_filter: ResponseFilter


async def check_feed_channel(engine: Engine, channel_id: UUID) -> None:
    """Check that a channel is an in-app feed. Raises NotFound."""
    async with engine.connection() as connection:
        await _require_feed_channel(connection, channel_id)


async def _require_feed_channel(connection: Connection, channel_id: UUID) -> None:
    if not await statements.is_feed_channel(connection, channel_id):
        raise NotFound("There is no in-app feed channel with this id.")


async def load_feed(
    engine: Engine,
    environment: EnvironmentScope,
    channel_id: UUID,
    user_id: str,
    *,
    filters: FeedFilters,
    request: PageRequest,
    is_rich: bool,
) -> FeedView:
    """Return a page of a user's feed; an unknown user has an empty one.

    Args:
        engine: the parts of this process.
        environment: where.
        channel_id: an in-app feed.
        user_id: whose feed.
        filters: which items.
        request: which page of them.
        is_rich: whether items show all of their trigger's data, and their activities; else the
            scalars of it, which a message of a batch keeps cut.

    Raises:
        NotFound: the channel is not an in-app feed.
    """
    user = RecipientRef.user(user_id)
    async with engine.connection() as connection:
        await _require_feed_channel(connection, channel_id)
        counts = await statements.count_items(connection, environment.id, channel_id, user, filters)
        # With a status, nothing counted may mean that only items older than those counted have it.
        if counts.total_count == 0 and filters.status == "all":
            page: Page[FeedItem] = Page([], request.size)
        else:
            page = await statements.list_items(
                connection, environment.id, channel_id, user, filters=filters, request=request
            )
        refs = {actor for item in page.rows for actor in item.actor_refs}
        data = await _trigger_data(connection, environment.id, page.rows, is_rich=is_rich)
        batched: dict[UUID, list[Contribution]] = {}
        if is_rich and page.rows:
            refs.add(user)
            batched = await _batched(
                connection, environment.id, {item.batch_id for item in page.rows if item.batch_id}
            )
            refs |= {each.actor_ref for of in batched.values() for each in of if each.actor_ref}
        people = await recipients_by_ref(connection, environment.id, refs)
        configuration = await engine.catalog.current(connection, environment)
    shown = {
        ref: person.in_short() if encoded_size(person.properties) > MAX_PERSON_BYTES else person
        for ref, person in people.items()
    }
    variables = dict(configuration.variables.public)
    here = configuration.channel_with(channel_id)
    response_filter = read_response_filter(here.settings if here else {})
    return FeedView(page, counts, shown, data, batched, is_rich, variables, response_filter)


async def _trigger_data(
    connection: Connection, environment_id: UUID, items: Sequence[FeedItem], *, is_rich: bool
) -> dict[UUID, JsonObject]:
    """Return by recipient run the data that items show which is not that of their messages."""
    run_ids = {
        item.recipient_run_id
        for item in items
        if item.recipient_run_id and (is_rich or (item.batch_id is None and may_be_cut(item.data)))
    }
    if not run_ids:
        return {}
    found = await activities.trigger_data_of(
        connection,
        environment_id,
        run_ids,
        each=MAX_ITEM_DATA_BYTES,
        together=MAX_FEED_DATA_BYTES,
    )
    return found if is_rich else {run_id: scalars(data) for run_id, data in found.items()}


async def _batched(
    connection: Connection, environment_id: UUID, batch_ids: set[UUID]
) -> dict[UUID, list[Contribution]]:
    """Return the items of some batches, by batch and oldest first."""
    if not batch_ids:
        return {}
    items = await some_items(connection, environment_id, list(batch_ids), each=MAX_ITEM_ACTIVITIES)
    contributions = await contributions_of(
        connection,
        environment_id,
        items,
        each=MAX_ITEM_DATA_BYTES,
        together=MAX_FEED_DATA_BYTES,
    )
    batched: dict[UUID, list[Contribution]] = {}
    for item, contribution in zip(items, contributions, strict=True):
        batched.setdefault(item.batch_id, []).append(contribution)
    return batched
