"""Which guides a user is to see, in which order, and why not the others.

Source: Knock docs, "Guides"; API reference, `GET /v1/users/{id}/guides/{channel_id}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.audiences.members import NO_TENANT
from domain.guides.rows import EngagedStep, GuideGroup, Ineligibility
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import TENANTS, RecipientRef
from models.queries.audiences.members import memberships_of
from models.queries.guides import guides as statements
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection
from services.engine import Engine
from services.guides.judging import (
    ShownGuide,
    Viewer,
    by_step,
    judge,
    people_seen,
    variables_seen,
)
from services.guides.published import PublishedGuide, guide_channel, guides_of


@dataclass(frozen=True, slots=True)
class GuidesView:
    """The guides of a user.

    Attributes:
        entries: those that the user may see, in order.
        ineligible: why not the others, by key.
        sequence: keys of all, in the order in which they are shown.
        group: the settings of the order; None when nobody has said anything.
        dismissed_at: when the user has last dismissed one that others wait for.
    """

    channel_id: UUID
    entries: list[ShownGuide]
    ineligible: dict[str, Ineligibility]
    sequence: list[str]
    group: GuideGroup | None
    dismissed_at: datetime | None


async def show_guides(
    engine: Engine,
    environment: EnvironmentScope,
    user_id: str,
    channel_id: UUID,
    *,
    tenant_id: str | None = None,
    data: JsonObject | None = None,
    guide_type: str | None = None,
) -> GuidesView:
    """Return the guides of a channel as a user sees them; a user need not be identified.

    Args:
        engine: the parts of this process.
        environment: where.
        user_id: who.
        channel_id: of type `in_app_guide`.
        tenant_id: on whose behalf.
        data: what the application says, for targeting and templates.
        guide_type: only guides whose first step is of this message type.

    Raises:
        NotFound: there is no such channel.
    """
    async with engine.connection() as connection:
        configuration = await engine.catalog.current(connection, environment)
        channel = guide_channel(configuration, channel_id)
        guides = await guides_of(engine, connection, environment, configuration, channel)
        group = await statements.get_group(connection, environment.id)
        sequence = group.ordered([*guides]) if group else [*guides]
        engaged = await _engaged(connection, environment, user_id, guides, tenant_id)
        people = await _people(connection, environment, user_id, tenant_id)
        memberships = await memberships_of(connection, environment.id, [user_id])
        viewer = Viewer(
            # What is shown to users may say what anybody may see, and no secret variable.
            values={
                **people,
                "data": data or {},
                "vars": variables_seen(configuration.variables, people),
            },
            engaged=engaged,
            memberships=memberships.get(user_id, frozenset()),
            tenant_id=tenant_id or NO_TENANT,
            now=engine.clock(),
        )
        wanted = [guides[key] for key in sequence if guide_type in (None, guides[key].guide.type)]
        entries, ineligible = await judge(
            engine, connection, environment, configuration, wanted, viewer=viewer, group=group
        )
        dismissed = await statements.dismissed_at(connection, environment.id, user_id)
    return GuidesView(channel_id, entries, ineligible, sequence, group, dismissed)


async def _engaged(
    connection: Connection,
    environment: EnvironmentScope,
    user_id: str,
    guides: Mapping[str, PublishedGuide],
    tenant_id: str | None,
) -> dict[tuple[str, str], list[EngagedStep]]:
    """Return what a user did with the steps of guides, as far as it may count for a tenant."""
    engaged = await statements.engaged_steps(
        connection,
        environment.id,
        [user_id],
        tenant_id=tenant_id or NO_TENANT,
        for_all=[key for key, found in guides.items() if not found.guide.is_per_tenant],
    )
    return by_step(engaged)


async def _people(
    connection: Connection,
    environment: EnvironmentScope,
    user_id: str,
    tenant_id: str | None,
) -> JsonObject:
    """Return recipient and tenant as templates and conditions see them."""
    user = RecipientRef.user(user_id)
    tenant = None if tenant_id is None else RecipientRef(TENANTS, tenant_id)
    refs = [ref for ref in (user, tenant) if ref is not None]
    found = await recipients_by_ref(connection, environment.id, refs)
    return people_seen(found, user_id, tenant_id)


def shown_order(view: GuidesView) -> Iterator[tuple[str, bool]]:
    """Yield the keys of a view in order, and whether each waits for nothing."""
    unthrottled = set(view.group.unthrottled) if view.group else set()
    for key in view.sequence:
        yield key, key in unthrottled
