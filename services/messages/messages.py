"""Reads messages and records what recipients did with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.batches.gathered import Contribution
from domain.channels.kinds import READ_HERE
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.filters import DataFilter
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.messages.engagement import StatusChange
from domain.messages.events import first_events
from domain.messages.filters import MessageFilters
from domain.messages.messages import (
    BaseMessage,
    DeliveryAttempt,
    Message,
    MessageEvent,
    RenderedContent,
)
from domain.messages.reach import Reach
from domain.recipients.recipients import Recipient
from models.queries.batches.items import page_of_items
from models.queries.messages import activities, engagement
from models.queries.messages import messages as statements
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection
from services.batches.gathering import contributions_of
from services.engine import Engine
from services.waits.telling import hurry

# Fifty e-mails may have 250 MB together; whoever wants so many asks several times.
MAX_CONTENTS_BYTES = 16 * 1024 * 1024
# What one trigger may carry: its body is limited to less.
_MAX_TRIGGER_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TriggerActivity:
    """One trigger as the recipient of a message sees it; with recipients that are still stored.

    `item` says which one of a batch it is; None for the only one.
    """

    message: BaseMessage
    data: JsonObject
    actor: Recipient | None = None
    recipient: Recipient | None = None
    item: Contribution | None = None


async def list_messages(
    engine: Engine, environment: EnvironmentScope, filters: MessageFilters, request: PageRequest
) -> Page[Message]:
    """Return a page of messages, newest first."""
    async with engine.connection() as connection:
        return await statements.list_messages(connection, environment.id, filters, request)


async def get_message(
    engine: Engine, environment: EnvironmentScope, message_id: UUID, reach: Reach | None = None
) -> Message:
    """Return a message. Raises NotFound, also where it is beyond the caller's reach."""
    async with engine.connection() as connection:
        message = await _load(connection, environment, message_id)
    if reach is not None and not reach.covers(message):
        raise NotFound("The message does not exist.")
    return message


async def _load(connection: Connection, environment: EnvironmentScope, message_id: UUID) -> Message:
    """Return a message. Raises NotFound."""
    found = await statements.messages_by_id(connection, environment.id, [message_id])
    if not found:
        raise NotFound("The message does not exist.")
    return found[0]


async def get_content(
    engine: Engine, environment: EnvironmentScope, message_id: UUID
) -> RenderedContent:
    """Return the content of a message. Raises NotFound."""
    found = await get_contents(engine, environment, [message_id])
    if not found:
        raise NotFound("The message does not exist.")
    return found[0]


async def get_contents(
    engine: Engine, environment: EnvironmentScope, message_ids: Sequence[UUID]
) -> list[RenderedContent]:
    """Return the contents of those of the messages that exist, in the given order.

    Raises:
        InvalidParams: those of several messages have more than 16 MB together.
    """
    async with engine.connection() as connection:
        if len(message_ids) > 1:
            size = await statements.contents_size(connection, environment.id, message_ids)
            if size > MAX_CONTENTS_BYTES:
                raise InvalidParams.of(
                    "message_ids", "have contents of more than 16 MB: request fewer messages"
                )
        return await statements.message_contents(connection, environment.id, message_ids)


async def list_events(
    engine: Engine, environment: EnvironmentScope, message_id: UUID, request: PageRequest
) -> tuple[Message, Page[MessageEvent]]:
    """Return a message and a page of its events, newest first. Raises NotFound."""
    async with engine.connection() as connection:
        message = await _load(connection, environment, message_id)
        # One that was held back for its send window has stored when it was delivered.
        is_at_once = message.channel_type in READ_HERE and message.scheduled_at is None
        return message, await statements.list_events(
            connection,
            environment.id,
            message_id,
            request,
            first=first_events(message_id, message.inserted_at, at_once=is_at_once),
        )


async def list_attempts(
    engine: Engine, environment: EnvironmentScope, message_id: UUID, request: PageRequest
) -> Page[DeliveryAttempt]:
    """Return a page of a message's delivery attempts, newest first. Raises NotFound.

    An in-app message has none: nothing outside had to be called.
    """
    async with engine.connection() as connection:
        await _load(connection, environment, message_id)
        return await statements.list_attempts(connection, environment.id, message_id, request)


async def list_trigger_activities(
    engine: Engine,
    environment: EnvironmentScope,
    message_id: UUID,
    wanted: DataFilter | None,
    request: PageRequest,
) -> Page[TriggerActivity]:
    """Return the triggers that made a message, oldest first: one, or all items of its batch.

    Args:
        engine: the parts of this process.
        environment: where.
        message_id: which message.
        wanted: values that a trigger's data must have; a page may have fewer entries for it.
        request: which page.

    Raises:
        NotFound: there is no such message.
    """
    async with engine.connection() as connection:
        message = await _load(connection, environment, message_id)
        if message.batch_id is not None:
            page = await _of_batch(connection, environment, message, message.batch_id, request)
            return page.of(
                each for each in page.rows if wanted is None or wanted.matches(each.data)
            )
        run_id = message.recipient_run_id
        if run_id is None or request.after is not None or request.before is not None:
            return Page([], request.size)
        data = await activities.trigger_data_of(
            connection,
            environment.id,
            [run_id],
            each=_MAX_TRIGGER_BYTES,
            together=_MAX_TRIGGER_BYTES,
        )
        actors = message.actor_refs[:1]
        people = await recipients_by_ref(connection, environment.id, [message.recipient, *actors])
    activity = TriggerActivity(
        message,
        data.get(run_id, message.data),
        people.get(actors[0]) if actors else None,
        people.get(message.recipient),
    )
    is_wanted = wanted is None or wanted.matches(activity.data)
    return Page([activity] if is_wanted else [], request.size)


async def _of_batch(
    connection: Connection,
    environment: EnvironmentScope,
    message: Message,
    batch_id: UUID,
    request: PageRequest,
) -> Page[TriggerActivity]:
    """Return a page of what the items of a message's batch contributed."""
    page = await page_of_items(connection, environment.id, batch_id, request)
    contributions = await contributions_of(
        connection,
        environment.id,
        page.rows,
        each=_MAX_TRIGGER_BYTES,
        together=_MAX_TRIGGER_BYTES,
    )
    people = await recipients_by_ref(connection, environment.id, [message.recipient])
    return page.of(
        TriggerActivity(message, each.data, each.actor, people.get(message.recipient), item=each)
        for each in contributions
    )


async def engage_one(
    engine: Engine,
    environment: EnvironmentScope,
    message_id: UUID,
    change: StatusChange,
    reach: Reach | None = None,
) -> Message:
    """Apply a change to one message and return it as it is then. Raises NotFound."""
    found = await engage_many(engine, environment, [message_id], [message_id], change, reach=reach)
    if not found:
        raise NotFound("The message does not exist.")
    return found[0]


async def engage_many(
    engine: Engine,
    environment: EnvironmentScope,
    message_ids: Sequence[UUID],
    allowed: Sequence[UUID],
    change: StatusChange,
    *,
    reach: Reach | None = None,
) -> list[Message]:
    """Apply a change to the `allowed` ones of some messages, and return all that exist.

    Those beyond the caller's reach are as if they did not exist. Whose a message is never changes,
    so it may be looked up before.
    """
    async with engine.unit() as unit:
        if reach is not None:
            found = await statements.messages_by_id(unit.connection, environment.id, message_ids)
            within = {message.id for message in found if reach.covers(message)}
            message_ids = [one for one in message_ids if one in within]
            allowed = [one for one in allowed if one in within]
        if allowed:
            await engagement.engage(unit.connection, environment.id, change, allowed, now=unit.now)
        found = await statements.messages_by_id(unit.connection, environment.id, message_ids)
    if allowed:
        hurry(engine)
    return found
