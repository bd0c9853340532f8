"""Which guides people would see without and with new content."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic

from domain.audiences.members import NO_TENANT, Membership
from domain.content.audience import AUDIENCE
from domain.content.guide import GUIDE
from domain.content.message_type import MESSAGE_TYPE
from domain.content.partial import PARTIAL
from domain.content.translation import TRANSLATION
from domain.guides.rows import MESSAGES, GuideGroup
from domain.kit.json_types import JsonObject
from domain.recipients.recipients import Recipient
from domain.recipients.refs import TENANTS, RecipientRef
from domain.what_if.audiences import dynamic_memberships
from domain.what_if.guides import MOST_BYTES, GuideFigures, GuideFindings, Look
from domain.what_if.requests import WhatIfIn
from domain.what_if.rows import PendingContent
from domain.what_if.samples import Sample
from models.queries.audiences.members import memberships_of
from models.queries.guides import guides as statements
from models.queries.recipients.recipients import recipients_by_ref
from models.queries.runs.imagined import newest_users
from services.guides.judging import (
    ShownGuide,
    Viewer,
    by_step,
    judge,
    people_seen,
    variables_seen,
)
from services.guides.published import PublishedGuide, guides_of
from services.what_if.imagined import Basis, Script, Visit
from services.what_if.worlds import World

_PAGE = 100
# What guides may use, or are meant for; and what makes it worth a look at them.
_SHARED = frozenset({PARTIAL.name, TRANSLATION.name, MESSAGE_TYPE.name, AUDIENCE.name})
_TRIED = _SHARED | {GUIDE.name}


@dataclass(frozen=True, slots=True)
class _Shown:
    """The guides that are judged in a world, the oldest first."""

    world: World
    guides: Sequence[PublishedGuide]


def are_tried(content: Sequence[PendingContent], wanted: WhatIfIn, script: Script | None) -> bool:
    """Tell whether anybody may look at guides."""
    if script is not None:
        return bool(script.visits)
    return wanted.workflow is None and any(each.resource_type in _TRIED for each in content)


async def look_at_guides(
    basis: Basis,
    content: Sequence[PendingContent],
    wanted: WhatIfIn,
    *,
    script: Script | None,
    deadline: float,
) -> GuideFindings | None:
    """Tell who would see which guide.

    Args:
        basis: what the try is made with.
        content: what is tried.
        wanted: what is asked for.
        script: says who looks; without one the newest users do, if the content has anything of
            guides and no workflow is asked for.
        deadline: when the time is over.

    Returns:
        None where no guide is in question.
    """
    tried = {each.key for each in content if each.resource_type == GUIDE.name}
    concerns_all = any(each.resource_type in _SHARED for each in content)
    findings, chosen = GuideFindings(Sample(wanted.differences, MOST_BYTES)), None
    if script is not None:
        visits = script.visits
    elif are_tried(content, wanted, script):
        chosen = None if concerns_all else tried
        newest = await newest_users(basis.connection, basis.environment.id, limit=wanted.runs + 1)
        findings.has_more_viewers = len(newest) > wanted.runs
        visits = [Visit(at=basis.now, viewers=newest[: wanted.runs])]
    else:
        return None
    shown = [_Shown(world, await _guides_in(basis, world, tried, chosen)) for world in basis.worlds]
    if not any(each.guides for each in shown) or not any(each.viewers for each in visits):
        return None
    for each in shown[-1].guides:
        published = basis.worlds[1].configuration.published(GUIDE, each.guide.key)
        is_active = published is not None and published.is_active_at(basis.now)
        findings.guides[each.guide.key] = GuideFigures(is_active=is_active)
    group = await statements.get_group(basis.connection, basis.environment.id)
    for visit in visits:
        for start in range(0, len(visit.viewers), _PAGE):
            page = visit.viewers[start : start + _PAGE]
            some = replace(visit, viewers=page)
            await _look(basis, findings, shown, some, group=group, deadline=deadline)
    return findings


async def _guides_in(
    basis: Basis, world: World, tried: Collection[str], chosen: Collection[str] | None
) -> list[PublishedGuide]:
    """Return the guides of a world; those that are tried as if they were switched on."""
    found: list[PublishedGuide] = []
    for channel in world.configuration.channels.values():
        if channel.shows_guides:
            guides = await guides_of(
                world.engine, basis.connection, basis.environment, world.configuration, channel
            )
            found += guides.values()
    return [
        replace(
            each,
            published=replace(each.published, is_active=True, active_from=None, active_until=None),
        )
        if each.guide.key in tried
        else each
        for each in found
        if chosen is None or each.guide.key in chosen
    ]


async def _look(
    basis: Basis,
    findings: GuideFindings,
    shown: Sequence[_Shown],
    visit: Visit,
    *,
    group: GuideGroup | None,
    deadline: float,
) -> None:
    """Let a page of viewers look, and compare what they see."""
    connection, environment_id = basis.connection, basis.environment.id
    tenant = None if visit.tenant_id is None else RecipientRef(TENANTS, visit.tenant_id)
    refs = [RecipientRef.user(each) for each in visit.viewers]
    people = await recipients_by_ref(
        connection, environment_id, refs if tenant is None else [*refs, tenant]
    )
    engaged = await statements.engaged_steps(
        connection,
        environment_id,
        visit.viewers,
        tenant_id=visit.tenant_id or NO_TENANT,
        # What is tried may be the scope of a guide.
        for_all=[
            each.guide.key
            for world in shown
            for each in world.guides
            if not each.guide.is_per_tenant
        ],
    )
    memberships = await memberships_of(connection, environment_id, visit.viewers)
    joined = basis.worlds[0].joined
    for ref in refs:
        if monotonic() > deadline:
            findings.viewers_unfinished += 1
            continue
        seen, joins = people_seen(people, ref.id, visit.tenant_id), _joined(joined, ref.id, visit)
        viewer = Viewer(
            values={
                **seen,
                "data": visit.data,
                "vars": variables_seen(basis.worlds[0].configuration.variables, seen),
            },
            engaged=by_step(each for each in engaged if each.user_id == ref.id),
            memberships=memberships.get(ref.id, frozenset()),
            tenant_id=visit.tenant_id or NO_TENANT,
            now=visit.at,
        )
        looks = [
            await _looks(basis, each, _in_audiences(viewer, each.world, people, joins), group)
            for each in shown
        ]
        findings.add(ref.id, visit.tenant_id, *looks)


def _in_audiences(
    viewer: Viewer,
    world: World,
    people: Mapping[RecipientRef, Recipient],
    joins: frozenset[tuple[str, str]],
) -> Viewer:
    """Return a viewer as a member of audiences in a world.

    Args:
        viewer: with what is stored of that.
        world: has the audiences that are tried, of which the viewer's properties tell.
        people: those who are stored.
        joins: which a script has let the viewer join.
    """
    memberships, user = viewer.memberships, viewer.values["recipient"]
    if world.audiences and RecipientRef.user(user["id"]) in people:
        fulfilled = dynamic_memberships(world.audiences, user, viewer.now)
        memberships = frozenset(
            [
                *(one for one in memberships if one[0] not in world.audiences),
                *((key, NO_TENANT) for key in fulfilled),
            ]
        )
    return replace(viewer, memberships=memberships | joins)


def _joined(
    joined: Mapping[Membership, Sequence[tuple[datetime, str]]], user_id: str, visit: Visit
) -> frozenset[tuple[str, str]]:
    """Return the audiences that a script has let a user join by now, each with the tenant."""
    tenants = {NO_TENANT, visit.tenant_id or NO_TENANT}
    return frozenset(
        (key, tenant_id)
        for tenant_id in tenants
        for at, key in joined.get(Membership(user_id, tenant_id), ())
        if at <= visit.at
    )


async def _looks(
    basis: Basis, shown: _Shown, viewer: Viewer, group: GuideGroup | None
) -> dict[str, Look]:
    """Return what a viewer sees of each guide of a world."""
    world, guides = shown.world, list(shown.guides)
    entries, ineligible = await judge(
        world.engine,
        basis.connection,
        basis.environment,
        world.configuration,
        guides,
        viewer=viewer,
        group=group,
    )
    seen = {entry.found.guide.key: Look(_content(entry)) for entry in entries}
    unseen = {
        each.guide.key: Look(
            None,
            MESSAGES[ineligible[each.guide.key]]
            if each.guide.key in ineligible
            else "It cannot be rendered.",
        )
        for each in guides
        if each.guide.key not in seen
    }
    return {**seen, **unseen}


def _content(entry: ShownGuide) -> JsonObject:
    """Write what a guide says, and where it is shown."""
    return {
        "steps": [
            {
                "ref": shown.step.ref,
                "schema_key": shown.step.schema_key,
                "schema_semver": shown.step.schema_semver,
                "schema_variant_key": shown.step.schema_variant_key,
                "content": shown.content,
            }
            for shown in entry.steps
        ],
        "activation_url_patterns": list(entry.found.guide.patterns),
    }
