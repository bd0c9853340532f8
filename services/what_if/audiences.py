"""Who would be in which dynamic audience with content that is not published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from time import monotonic

from domain.content.audience import AUDIENCE, Audience
from domain.recipients.recipients import Recipient
from domain.what_if.audiences import AudienceFigures, AudienceFindings, dynamic_memberships
from domain.what_if.requests import WhatIfIn
from domain.what_if.rows import PendingContent
from domain.what_if.samples import Sample
from models.queries.runs.imagined import users_after
from runtime.database import Connection
from services.off_loop import off_loop
from services.what_if.imagined import Basis
from services.what_if.worlds import World

_PAGE = 500


async def let_know_of_audiences(
    connection: Connection, content: Sequence[PendingContent], worlds: Sequence[World]
) -> None:
    """Let worlds know the dynamic audiences that are tried, each as it is in them.

    Who is in them is then asked of their conditions in both, so that nothing but these differs.
    """
    keys = [each.key for each in content if each.resource_type == AUDIENCE.name]
    for world in worlds:
        world.audiences = {key: await _audience(connection, world, key) for key in keys}


async def _audience(connection: Connection, world: World, key: str) -> Audience | None:
    return await world.engine.catalog.compiled_by_key(
        connection, AUDIENCE, world.configuration, key
    )


async def look_at_audiences(
    basis: Basis, wanted: WhatIfIn, *, deadline: float
) -> AudienceFindings | None:
    """Compare all users with the audiences that are tried, as far as there is time.

    Args:
        basis: what the try is made with.
        wanted: what is asked for.
        deadline: when the time is over.

    Returns:
        None where no audience is tried, or only the runs of a workflow are asked for.
    """
    without, with_it = (world.audiences for world in basis.worlds)
    if not with_it or wanted.workflow is not None:
        return None
    findings = AudienceFindings(Sample(wanted.differences, 0))
    for key in with_it:
        findings.audiences[key] = AudienceFigures(workflows=await _workflows(basis, key))
    compare = partial(_compare, basis, findings, without, with_it)
    last = ""
    while page := await users_after(basis.connection, basis.environment.id, last, limit=_PAGE):
        await off_loop(partial(compare, page))
        last = page[-1].id
        if len(page) < _PAGE:
            break
        if monotonic() > deadline:
            findings.has_more_users = True
            break
    return findings


def _compare(
    basis: Basis,
    findings: AudienceFindings,
    without: Mapping[str, Audience | None],
    with_it: Mapping[str, Audience | None],
    users: Sequence[Recipient],
) -> None:
    for user in users:
        seen = user.variable()
        before = dynamic_memberships(without, seen, basis.now)
        findings.add(user.id, before, dynamic_memberships(with_it, seen, basis.now))


async def _workflows(basis: Basis, audience_key: str) -> list[str]:
    return await basis.worlds[1].engine.catalog.workflows_of_audience(
        basis.connection, basis.environment.id, basis.version, audience_key
    )
