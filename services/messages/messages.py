"""Reads messages and records what recipients did with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.channels.types import ChannelType
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.messages.engagement import Engagement
from domain.messages.events import first_events
from domain.messages.filters import MessageFilter
from domain.recipients.refs import RecipientRef
from models.queries.in_app import feeds
from models.queries.messages import engagement, messages
from services.engine import Engine

# Fifty e-mails may have 250 MB together; whoever wants so many asks several times.
MAX_CONTENTS_BYTES = 16 * 1024 * 1024
# What one trigger may carry: its body is limited to less.
_MAX_TRIGGER_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TriggerActivity:
    """One trigger as the recipient of a message sees it; recipients are rows, if still stored."""

    message: dict[str, Any]
    data: JsonObject
    actor: dict[str, Any] | None = None
    recipient: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """An engagement of one or more messages.

    Attributes:
        feed_only: whether only in-app messages may be touched, as with a public key.
    """

    action: Engagement
    metadata: JsonObject | None = None
    feed_only: bool = False


async def list_messages(
    engine: Engine, environment: EnvironmentScope, wanted: MessageFilter, request: PageRequest
) -> Page:
    """Return a page of messages, newest first."""
    async with engine.database.connection() as connection:
        return await messages.list_messages(connection, environment.id, wanted, request)


async def load_message(
    engine: Engine, environment: EnvironmentScope, message_id: UUID, *, feed_only: bool = False
) -> dict[str, Any]:
    """Return a message's row. Raises NotFound."""
    async with engine.database.connection() as connection:
        found = await messages.messages_by_id(connection, environment.id, [message_id])
    return _only(found, feed_only=feed_only)


def _only(found: Sequence[dict[str, Any]], *, feed_only: bool) -> dict[str, Any]:
    if not found or (feed_only and found[0]["channel_type"] != ChannelType.IN_APP_FEED):
        raise NotFound("The message does not exist.")
    return found[0]


async def load_contents(
    engine: Engine, environment: EnvironmentScope, message_ids: Sequence[UUID]
) -> list[dict[str, Any]]:
    """Return the contents of those of the messages that exist.

    Raises:
        InvalidParams: those of several messages have more than 16 MB together.
    """
    async with engine.database.connection() as connection:
        if len(message_ids) > 1:
            size = await messages.contents_size(connection, environment.id, message_ids)
            if size > MAX_CONTENTS_BYTES:
                raise InvalidParams.of(
                    "message_ids", "have contents of more than 16 MB: ask for fewer messages"
                )
        return await messages.message_contents(connection, environment.id, message_ids)


async def list_events(
    engine: Engine, environment: EnvironmentScope, message_id: UUID, request: PageRequest
) -> tuple[dict[str, Any], Page]:
    """Return a message and a page of its events, newest first. Raises NotFound."""
    async with engine.database.connection() as connection:
        found = await messages.messages_by_id(connection, environment.id, [message_id])
        message = _only(found, feed_only=False)
        return message, await messages.list_events(
            connection,
            message_id,
            request,
            first=[
                (event.id, event.type.value)
                for event in first_events(
                    message_id,
                    message["inserted_at"],
                    in_app=message["channel_type"] == ChannelType.IN_APP_FEED,
                )
            ],
            first_at=message["inserted_at"],
        )


async def list_attempts(
    engine: Engine, environment: EnvironmentScope, message_id: UUID, request: PageRequest
) -> Page:
    """Return a page of a message's delivery attempts, newest first. Raises NotFound.

    An in-app message has none: nothing outside had to be called.
    """
    async with engine.database.connection() as connection:
        found = await messages.messages_by_id(connection, environment.id, [message_id])
        _only(found, feed_only=False)
        return await messages.list_attempts(connection, message_id, request)


async def load_trigger_activities(
    engine: Engine, environment: EnvironmentScope, message_id: UUID
) -> list[TriggerActivity]:
    """Return the triggers that made a message: one, as nothing batches yet. Raises NotFound."""
    async with engine.database.connection() as connection:
        found = await messages.messages_by_id(connection, environment.id, [message_id])
        message = _only(found, feed_only=False)
        run_id = message["recipient_run_id"]
        if run_id is None:
            return []
        data = await feeds.trigger_data_of(
            connection,
            environment.id,
            [run_id],
            each=_MAX_TRIGGER_BYTES,
            together=_MAX_TRIGGER_BYTES,
        )
        actors = [ref_of_wire(actor) for actor in message["actors"][:1]]
        owner = RecipientRef(message["collection"], message["recipient_id"])
        people = await feeds.recipients_by_ref(connection, environment.id, [owner, *actors])
    actor = people.get(actors[0]) if actors else None
    known = data.get(run_id, message["data"])
    return [TriggerActivity(message, known, actor, people.get(owner))]


def ref_of_wire(wire: Any) -> RecipientRef:
    """Read a reference as it is stored with a message."""
    if isinstance(wire, str):
        return RecipientRef.user(wire)
    return RecipientRef(wire["collection"], wire["id"])


async def engage_one(
    engine: Engine, environment: EnvironmentScope, message_id: UUID, change: StatusChange
) -> dict[str, Any]:
    """Apply a change to one message and return its row. Raises NotFound."""
    found = await engage_many(engine, environment, [message_id], [message_id], change)
    return _only(found, feed_only=False)


async def engage_many(
    engine: Engine,
    environment: EnvironmentScope,
    message_ids: Sequence[UUID],
    allowed: Sequence[UUID],
    change: StatusChange,
) -> list[dict[str, Any]]:
    """Apply a change to the `allowed` ones of some messages, and return all that exist."""
    async with engine.database.transaction() as connection:
        if allowed:
            await engagement.engage(
                connection,
                environment.id,
                change.action,
                allowed,
                now=engine.clock(),
                metadata=change.metadata,
                feed_only=change.feed_only,
            )
        found = await messages.messages_by_id(connection, environment.id, message_ids)
    return [
        row
        for row in found
        if not change.feed_only or row["channel_type"] == ChannelType.IN_APP_FEED
    ]
