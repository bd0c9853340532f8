"""Author broadcasts: save, validate, read (Management API).

They belong to one environment, and are neither committed nor promoted. Only a draft is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain

from domain.broadcasts.broadcast import BROADCAST, Broadcast
from domain.broadcasts.rows import BroadcastStatus, StoredBroadcast
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.kit.stored import content_sha
from models.queries.broadcasts import broadcasts as statements
from models.queries.channels import channels as channel_queries
from runtime.database import Connection
from services.content.judging import judge_document, refuse
from services.content.references import load_surroundings, references_of
from services.engine import Engine
from services.off_loop import off_loop


@dataclass(frozen=True, slots=True)
class BroadcastView:
    """A broadcast as it is read back.

    Attributes:
        content: the JSON that is stored.
        document: the same, read.
        valid: whether everything that it refers to exists.
    """

    key: str
    environment: str
    content: JsonObject
    document: Broadcast = field(compare=False)
    sha: str
    status: BroadcastStatus
    valid: bool
    scheduled_at: datetime | None
    sent_at: datetime | None
    created_at: datetime
    updated_at: datetime


async def list_broadcasts(
    engine: Engine, environment: EnvironmentScope, request: PageRequest
) -> Page[BroadcastView]:
    """Return a page of the broadcasts of an environment, newest first."""
    async with engine.connection() as connection:
        page = await statements.list_broadcasts(connection, environment.id, request)
        return page.of(await views(connection, environment, page.rows))


async def get_broadcast(engine: Engine, environment: EnvironmentScope, key: str) -> BroadcastView:
    """Return a broadcast. Raises NotFound."""
    async with engine.connection() as connection:
        found = await statements.get_broadcast(connection, environment.id, key)
        if found is None:
            raise missing(key)
        return (await views(connection, environment, [found]))[0]


async def upsert_broadcast(
    engine: Engine, environment: EnvironmentScope, key: str, raw: JsonValue
) -> BroadcastView:
    """Save a draft.

    Raises:
        InvalidParams: the document is broken.
        Unprocessable: `broadcast_not_draft`, it is scheduled or sent.
    """
    async with engine.unit() as unit:
        channel_types = await channel_queries.channel_types(unit.connection)
        judged = await off_loop(partial(judge_document, BROADCAST, key, raw, channel_types))
        refuse(judged.errors)
        saved = await statements.save_broadcast(
            unit.connection,
            environment.id,
            key,
            content=judged.content,
            sha=content_sha(judged.content),
            now=unit.now,
        )
        if saved is None:
            raise not_draft(key)
        return (await views(unit.connection, environment, [saved]))[0]


async def validate_broadcast(
    engine: Engine, environment: EnvironmentScope, key: str, raw: JsonValue
) -> BroadcastView:
    """Judge a document as sending it would, without saving it.

    Raises:
        InvalidParams: the document is broken, or refers to what is not there.
        Unprocessable: see `refuse_two_targets`.
    """
    now = engine.clock()
    async with engine.connection() as connection:
        channel_types = await channel_queries.channel_types(connection)
        judged = await off_loop(partial(judge_document, BROADCAST, key, raw, channel_types))
        content, document = judged.content, judged.document
        references = references_of(BROADCAST, document)
        around = await load_surroundings(
            connection, environment, references, channel_types=channel_types
        )
        refuse([*judged.errors, *around.errors(references)])
        saved = await statements.get_broadcast(connection, environment.id, key)
    if saved is not None and saved.upload_id is not None:
        refuse_two_targets(document, key)
    return BroadcastView(
        key=key,
        environment=environment.slug,
        content=content,
        document=document,
        sha=content_sha(content),
        status=BroadcastStatus(saved.status) if saved else BroadcastStatus.DRAFT,
        valid=True,
        scheduled_at=document.scheduled_at,
        sent_at=saved.sent_at if saved else None,
        created_at=saved.inserted_at if saved else now,
        updated_at=saved.updated_at if saved else now,
    )


async def views(
    connection: Connection, environment: EnvironmentScope, stored: Sequence[StoredBroadcast]
) -> list[BroadcastView]:
    """Read stored broadcasts."""
    documents = [BROADCAST.read(one.content, one.key) for one in stored]
    references = [references_of(BROADCAST, document) for document in documents]
    around = await load_surroundings(connection, environment, chain.from_iterable(references))
    return [
        BroadcastView(
            key=one.key,
            environment=environment.slug,
            content=one.content,
            document=document,
            sha=one.sha,
            status=BroadcastStatus(one.status),
            valid=not around.errors(listed),
            scheduled_at=one.scheduled_at or document.scheduled_at,
            sent_at=one.sent_at,
            created_at=one.inserted_at,
            updated_at=one.updated_at,
        )
        for one, document, listed in zip(stored, documents, references, strict=True)
    ]


def refuse_two_targets(document: Broadcast, key: str) -> None:
    """Refuse an audience where a file says who receives a broadcast.

    Raises:
        Unprocessable: `broadcast_has_audience`.
    """
    if document.target_audience_key is not None:
        raise Unprocessable(
            f"The broadcast {key[:255]!r} has an audience, so no CSV file can name its recipients.",
            code="broadcast_has_audience",
        )


def missing(key: str) -> NotFound:
    """Say that there is no such broadcast."""
    return NotFound(f"The broadcast {key[:255]!r} does not exist in this environment.")


def not_draft(key: str) -> Unprocessable:
    """Say that a broadcast cannot be changed or sent any more."""
    return Unprocessable(
        f"The broadcast {key[:255]!r} is already scheduled or sent.", code="broadcast_not_draft"
    )
