"""The hosted page on which a user sets its preferences: its links, what it shows, what it writes.

Source: Knock docs, "Hosted preference center". What is saved goes the way of the API's own writes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.kit.errors import NotFound
from domain.kit.principals import EnvironmentScope
from domain.preferences.choices import Choice, choices_of, wanted_changes
from domain.preferences.names import DEFAULT_SET
from domain.preferences.rows import Persistence, StoredSet
from domain.recipients.refs import RecipientRef
from models.queries.account.environments import get_environment_by_id
from models.queries.preferences.sets import get_preference_set
from models.queries.recipients.recipients import get_recipient
from models.queries.recipients.subscriptions import hold_recipients
from runtime.database import Connection
from services.engine import Engine
from services.preferences.centers import (
    CenterView,
    channel_types_for,
    find_center,
    load_surroundings,
)
from services.preferences.links import Link, open_link, seal_link
from services.preferences.sets import write_sets

PATH = "/p"
_PURPOSE = "preference_center"


class LinkExpired(NotFound):
    """The link is one of ours, and its time is over."""


class UserGone(NotFound):
    """The user of a link was deleted since; whoever has the id now is somebody else."""


@dataclass(frozen=True, slots=True)
class SignedUrl:
    """Where a user sets its preferences; the token is the last part of it."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class HostedPage(CenterView):
    """What a user sees, its switches in the order of the rows."""

    choices: list[Choice]


@dataclass(frozen=True, slots=True)
class _State:
    environment: EnvironmentScope
    page: HostedPage
    stored: StoredSet


def preferences_url(
    engine: Engine, environment_id: UUID, ref: RecipientRef, now: datetime
) -> SignedUrl:
    """Make a link for a user; each time another one that leads to the same page.

    Args:
        engine: the parts of the process.
        environment_id: where.
        ref: the user.
        now: from when its days are counted.
    """
    days = engine.settings.preference_link_days
    expires_at = now + timedelta(days=days) if days else None
    token = seal_link(engine, _PURPOSE, Link(environment_id, ref, expires_at))
    return SignedUrl(f"{engine.settings.public_address}{PATH}/{token}", token)


async def sign_url(engine: Engine, environment: EnvironmentScope, ref: RecipientRef) -> SignedUrl:
    """Make a link for a user that exists. Raises NotFound."""
    async with engine.connection() as connection:
        if await get_recipient(connection, environment.id, ref) is None:
            raise NotFound("The user does not exist.")
    return preferences_url(engine, environment.id, ref, engine.clock())


async def open_page(engine: Engine, token: str) -> HostedPage:
    """Return what the user of a link sees, and change nothing.

    Raises:
        NotFound: it is none of our links; as `LinkExpired` and `UserGone` say, where they do.
        UnknownKey: it was sealed with a key that this process does not have.
    """
    link = _opened(engine, token)
    async with engine.connection() as connection:
        return (await _load(engine, connection, link)).page


async def save_page(
    engine: Engine, token: str, *, shown: Collection[str], on: Collection[str]
) -> HostedPage:
    """Store what the user of a link has switched, and return what it sees then.

    Args:
        engine: the parts of the process.
        token: the link.
        shown: the names of the switches that the user saw; what was not seen is not changed.
        on: the names of those that are on.

    Raises:
        NotFound: it is none of our links; as `LinkExpired` and `UserGone` say, where they do.
        InvalidParams: the set of the user would have more than 256 kB.
        UnknownKey: it was sealed with a key that this process does not have.
    """
    link = _opened(engine, token)
    async with engine.unit() as unit:
        # Whoever is deleted meanwhile is not made again by this.
        await hold_recipients(unit.connection, link.environment_id, [link.ref])
        before = await _load(engine, unit.connection, link)
        changes = wanted_changes(before.page.choices, before.stored.resolved(), shown=shown, on=on)
        if changes:
            await write_sets(
                unit,
                before.environment,
                [link.ref],
                DEFAULT_SET,
                changes,
                how=Persistence.MERGE,
            )
        return (await _load(engine, unit.connection, link)).page


def _opened(engine: Engine, token: str) -> Link:
    link = open_link(engine, _PURPOSE, token)
    if link.expires_at is not None and link.expires_at <= engine.clock():
        raise LinkExpired("The link has expired.")
    return link


async def _load(engine: Engine, connection: Connection, link: Link) -> _State:
    environment = await get_environment_by_id(connection, link.environment_id)
    user = await get_recipient(connection, link.environment_id, link.ref)
    if environment is None or user is None or not link.is_for(user):
        raise UserGone("The user no longer exists.")
    scope = environment.scope
    center = await find_center(connection, scope.id)
    stored = await get_preference_set(connection, scope.id, link.ref, DEFAULT_SET, None)
    rows = center.rows()
    choices = choices_of(rows, stored, await channel_types_for(connection, rows))
    around = await load_surroundings(engine, connection, scope)
    return _State(scope, HostedPage(center, around, user, choices), stored)
