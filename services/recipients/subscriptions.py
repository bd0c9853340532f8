"""Subscribes recipients to objects and back, and lists who follows what.

Source: Knock docs, "Subscriptions".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from domain.kit.errors import (
    AppError,
    FieldError,
    InvalidParams,
    NotFound,
    Unavailable,
    together,
)
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.naming import NamedRecipients, named_in_list
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import (
    SubscribeIn,
    Subscription,
    SubscriptionView,
    UnsubscribeIn,
    UserSubscriptionFilters,
)
from models.queries.preferences.sets import preference_sets_of
from models.queries.recipients import subscriptions as statements
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection
from services.engine import Engine, Unit
from services.triggers.audience_entries import identify

_NO_OBJECT = "The object does not exist."


async def subscribe(
    engine: Engine, environment: EnvironmentScope, target: RecipientRef, given: SubscribeIn
) -> list[SubscriptionView]:
    """Subscribe recipients to an object; who is given inline is identified first.

    A recipient that follows the object already goes on to do so, with the new properties if there
    are any.

    Returns:
        The subscriptions, in the order in which the request names the recipients.

    Raises:
        NotFound: there is no such object; with each recipient as for InvalidParams.
        InvalidParams: with each recipient that is only named and was never identified.
        Unavailable: a recipient that is new was deleted by somebody else at the same time.
    """
    named = named_in_list(given.recipients)
    if not any(entry.properties is not None for entry in named.recipients):
        return await _subscribe_named(engine, environment, target, named, given.properties)
    async with engine.unit() as unit:
        made, unknown = await subscribe_known(unit, environment, target, named, given.properties)
        if unknown:
            raise InvalidParams(unknown)
    return _by_request(made, named)


async def _subscribe_named(
    engine: Engine,
    environment: EnvironmentScope,
    target: RecipientRef,
    named: NamedRecipients,
    properties: JsonObject | None,
) -> list[SubscriptionView]:
    """Subscribe recipients of whom nothing is said, all or none of them, in one statement."""
    async with engine.connection() as connection:
        stored, made = await statements.subscribe_stored(
            connection,
            environment.id,
            target,
            named.refs,
            properties=properties,
            now=engine.clock(),
            is_whole=True,
        )
    unknown = _unknown(named, stored)
    if target not in stored:
        raise _no_object(unknown)
    if unknown:
        raise InvalidParams(unknown)
    return _by_request(made, named)


def _no_object(unknown: Sequence[FieldError] = ()) -> AppError:
    """Return the error of an object that is not there, beside recipients who are not."""
    missing = NotFound(_NO_OBJECT, field="object_id")
    return together([missing, InvalidParams(unknown)] if unknown else [missing])


def _by_request(made: Sequence[SubscriptionView], named: NamedRecipients) -> list[SubscriptionView]:
    by_ref = {view.recipient.ref: view for view in made}
    return [by_ref[ref] for ref in named.refs]


async def subscribe_known(
    unit: Unit,
    environment: EnvironmentScope,
    target: RecipientRef,
    named: NamedRecipients,
    properties: JsonObject | None,
) -> tuple[list[SubscriptionView], list[FieldError]]:
    """Subscribe those of the recipients who are described, or were identified before.

    Returns:
        The subscriptions, in any order; and the places of those who are only named and not known.

    Raises:
        NotFound: there is no such object.
        Unavailable: a recipient that is new was deleted by somebody else at the same time.
    """
    connection, refs = unit.connection, named.refs
    described = {entry.ref for entry in named.recipients if entry.properties is not None}
    if described:
        held = await statements.hold_recipients(connection, environment.id, [target, *refs])
        if target not in held:
            raise _no_object(_unknown(named, {*held, *described}))
        await identify(unit, environment, named.recipients)
    stored, made = await statements.subscribe_stored(
        connection, environment.id, target, refs, properties=properties, now=unit.now
    )
    if target not in stored:
        raise _no_object(_unknown(named, stored))
    if not stored >= described:
        raise Unavailable("A recipient was deleted at the same time; try again.")
    return made, _unknown(named, stored)


def _unknown(named: NamedRecipients, stored: Collection[RecipientRef]) -> list[FieldError]:
    """Return the places of those who are not stored."""
    return [
        FieldError(named.places[ref], f"must have been identified, but {_name(ref)} was not")
        for ref in named.refs
        if ref not in stored
    ]


def _name(ref: RecipientRef) -> str:
    return f"the user {ref.id!r}" if ref.is_user else f"the object {ref.collection}/{ref.id}"


async def unsubscribe(
    engine: Engine, environment: EnvironmentScope, target: RecipientRef, given: UnsubscribeIn
) -> list[SubscriptionView]:
    """End subscriptions to an object; return those that were there."""
    refs = named_in_list(given.recipients).refs
    async with engine.unit() as unit:
        ended = await statements.delete_subscriptions(unit.connection, environment.id, target, refs)
        return await _views(unit.connection, environment, _in_order(ended, refs))


def _in_order(found: Sequence[Subscription], refs: Sequence[RecipientRef]) -> list[Subscription]:
    by_ref = {one.recipient_ref: one for one in found}
    return [by_ref[ref] for ref in refs if ref in by_ref]


async def list_subscriptions(
    engine: Engine,
    environment: EnvironmentScope,
    ref: RecipientRef,
    wanted: UserSubscriptionFilters,
    request: PageRequest,
) -> Page[SubscriptionView]:
    """Return a page of who follows an object, or of what a user or object follows, newest first."""
    async with engine.connection() as connection:
        page = await statements.list_subscriptions(
            connection, environment.id, wanted.mode, ref, others=wanted.others, request=request
        )
        return page.of(await _views(connection, environment, page.rows, wanted.include))


async def _views(
    connection: Connection,
    environment: EnvironmentScope,
    found: Sequence[Subscription],
    include: Sequence[str] | None = None,
) -> list[SubscriptionView]:
    """Add the ends of subscriptions; one whose end has been deleted meanwhile is left out."""
    followers = [one.recipient_ref for one in found]
    ends = await recipients_by_ref(
        connection, environment.id, [*followers, *(one.object_ref for one in found)]
    )
    sets = await preference_sets_of(connection, environment.id, followers) if include else {}
    return [
        SubscriptionView(
            one,
            ends[one.object_ref],
            ends[one.recipient_ref],
            sets.get(one.recipient_ref, {}) if include else None,
        )
        for one in found
        if one.object_ref in ends and one.recipient_ref in ends
    ]
