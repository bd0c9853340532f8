"""Adds members to static audiences, removes them, and lists who is in an audience.

Source: Knock docs, "Audiences"; API reference, "Audiences".
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.audiences.members import Member, Membership, MembersIn, MemberView
from domain.content.audience import AUDIENCE, Audience, AudienceType
from domain.kit.errors import NotFound, Unavailable, Unprocessable
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from models.queries.audiences import members as statements
from models.queries.content.catalog import config_version
from models.queries.recipients.recipients import hold_to_change, recipients_by_ref
from models.queries.recipients.subscriptions import hold_recipients
from runtime.database import Connection
from services.content.drafts import save_content
from services.engine import Engine, Unit
from services.triggers.audience_entries import enter, identify
from services.waits.changes import EXIT, tell_of_transitions


async def add_members(
    engine: Engine,
    environment: EnvironmentScope,
    audience_key: str,
    given: MembersIn,
    *,
    create: bool = False,
) -> None:
    """Add users to a static audience, identified first; who is in it already stays so.

    Each addition triggers the workflows that the audience triggers.

    Args:
        engine: the parts of this process.
        environment: where.
        audience_key: which audience.
        given: who is added.
        create: make the audience when there is none.

    Raises:
        NotFound: there is no such audience, or it is archived.
        InvalidParams: the key cannot be one, or somebody would have more than 256 kB of properties.
        Unprocessable: `audience_not_static`.
        Unavailable: somebody who is added is deleted at the same time.
    """
    users = given.users()
    await require_audience(engine, environment, audience_key, create=create)
    async with engine.unit() as unit:
        await admit(unit, environment, audience_key, users, given.memberships())


async def require_audience(
    engine: Engine, environment: EnvironmentScope, audience_key: str, *, create: bool = False
) -> None:
    """Refuse an audience that members cannot be added to.

    Args:
        engine: the parts of this process.
        environment: where.
        audience_key: which audience.
        create: make the audience when there is none.

    Raises:
        NotFound: there is no such audience, or it is archived.
        InvalidParams: the key cannot be one.
        Unprocessable: `audience_not_static`.
    """
    async with engine.connection() as connection:
        found = await find_audience(engine, connection, environment, audience_key)
    if found is None and create:
        await _create(engine, environment, audience_key)
    else:
        _require_static(found, audience_key)


async def admit(
    unit: Unit,
    environment: EnvironmentScope,
    audience_key: str,
    users: Sequence[InlineRecipient],
    memberships: Sequence[Membership],
) -> None:
    """Identify users and add them to a static audience; each addition triggers.

    Raises:
        NotFound: the audience was archived; nothing was done.
        InvalidParams: somebody would have more than 256 kB of properties.
        Unavailable: somebody who is added is deleted at the same time.
    """
    # Who archives it waits, and then takes these members out with the others.
    if not await statements.hold_audience(unit.connection, environment.id, audience_key):
        raise _missing(audience_key)
    # A run that begins to wait for the addition meanwhile comes before it, or after.
    await identify(unit, environment, users, holds=True)
    refs = [one.ref for one in users]
    if set(refs) - await hold_recipients(unit.connection, environment.id, refs):
        raise Unavailable("A user was deleted at the same time; try again.")
    await enter(unit, environment, audience_key, memberships)


async def _create(engine: Engine, environment: EnvironmentScope, audience_key: str) -> None:
    """Make a static audience; of several requests at once one makes it."""
    document = {"type": AudienceType.STATIC.value, "name": audience_key}
    async with engine.unit() as unit:
        await save_content(unit, environment, AUDIENCE, audience_key, document)


async def remove_members(
    engine: Engine, environment: EnvironmentScope, audience_key: str, given: MembersIn
) -> None:
    """Take users out of a static audience; nobody is identified, and who is not in it stays out.

    Raises:
        NotFound: there is no such audience.
        Unprocessable: `audience_not_static`.
    """
    async with engine.unit() as unit:
        found = await find_audience(engine, unit.connection, environment, audience_key)
        _require_static(found, audience_key)
        memberships = given.memberships()
        # A run that begins to wait for the removal meanwhile comes before it, or after.
        refs = {RecipientRef.user(one.user_id) for one in memberships}
        await hold_to_change(unit.connection, environment.id, refs)
        gone = await statements.remove_members(
            unit.connection, environment.id, audience_key, memberships
        )
        await tell_of_transitions(unit, environment.id, audience_key, EXIT, gone)


async def list_members(
    engine: Engine, environment: EnvironmentScope, audience_key: str, request: PageRequest
) -> Page[MemberView]:
    """Return a page of who is in an audience, newest first. Raises NotFound."""
    async with engine.connection() as connection:
        found = await find_audience(engine, connection, environment, audience_key)
        if found is None:
            raise _missing(audience_key)
        page = await statements.list_members(connection, environment.id, audience_key, request)
        users = await recipients_by_ref(
            connection, environment.id, {_user(row) for row in page.rows}
        )
    return page.of(MemberView(row, users[_user(row)]) for row in page.rows if _user(row) in users)


def _user(member: Member) -> RecipientRef:
    return RecipientRef.user(member.user_id)


async def find_audience(
    engine: Engine, connection: Connection, environment: EnvironmentScope, audience_key: str
) -> Audience | None:
    """Return an audience as it is published now, or None when there is none."""
    version = await config_version(connection, environment.id)
    configuration = await engine.catalog.configuration(
        connection, environment.id, version, branch_id=None
    )
    published = configuration.published(AUDIENCE, audience_key)
    if published is None or not published.is_active:
        return None
    return await engine.catalog.compiled_by_key(connection, AUDIENCE, configuration, audience_key)


def _require_static(found: Audience | None, audience_key: str) -> None:
    if found is None:
        raise _missing(audience_key)
    if found.is_dynamic:
        raise Unprocessable(
            f"The members of the audience {audience_key!r} are determined by its conditions.",
            code="audience_not_static",
        )


def _missing(audience_key: str) -> NotFound:
    return NotFound(f"The audience {audience_key[:255]!r} does not exist in this environment.")
