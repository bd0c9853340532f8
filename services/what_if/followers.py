"""Those who follow objects that a script names, by the rules of `domain/triggers/expansions`."""

from __future__ import annotations

from uuid import UUID

from domain.kit.ids import new_id, recipient_run_id
from domain.recipients.refs import RecipientRef
from domain.triggers.expansions import MAX_DEPTH, Expansion, Followed, reached
from domain.what_if.requests import MOST_RUNS
from models.queries.runs import imagined as statements
from services.what_if.imagined import Basis, Following, Imagined, Script


async def let_follow(basis: Basis, script: Script) -> None:
    """Let the triggers of a script reach those who follow the objects that they name."""
    for index, trigger in enumerate(script.triggers):
        if not _may_be_followed(trigger):
            continue
        if basis.is_over:
            script.note(trigger.place, "followers of its objects are left out: the time was up")
            continue
        script.let_follow(index, await _followers(basis, trigger, room=script.room))


def _may_be_followed(trigger: Imagined) -> bool:
    request = trigger.request
    return request.reaches_followers and any(not one.ref.is_user for one in request.recipients)


async def _followers(basis: Basis, trigger: Imagined, *, room: int) -> list[Following]:
    """Return whom a trigger reaches that it does not name, the shortest way first.

    Args:
        basis: what the script is read with.
        trigger: which.
        room: how many are walked; one more tells that there are more.
    """
    trigger_id = new_id()
    roots = {recipient_run_id(trigger_id, one.ref.gid): one for one in trigger.request.recipients}
    objects = [
        Followed(run_id, run_id, one.ref.collection, one.ref.id)
        for run_id, one in roots.items()
        if not one.ref.is_user
    ]
    known, found = {one.ref for one in roots.values()}, list[Following]()
    for depth in range(1, MAX_DEPTH + 1):
        if not objects or len(found) > room:
            break
        # Without room one who is neither known nor the actor is enough, to tell of.
        limit = MOST_RUNS + 1 if room else len(known) + 2
        followers = await statements.followers_of(
            basis.connection, basis.environment.id, objects, limit=limit
        )
        places = {each.id: RecipientRef(each.collection, each.object_id) for each in objects}
        expansion = _expansion(basis, trigger, depth, trigger_id=trigger_id)
        page = [one for one in reached(expansion, followers, ()) if one.follower.ref not in known]
        for one in page:
            follower = one.follower
            own_data = roots[follower.root_id].trigger_data
            found.append(Following(follower.ref, places[follower.through_id], own_data))
        known |= {one.follower.ref for one in page}
        objects = [
            Followed(
                one.run_id, one.follower.root_id, one.follower.collection, one.follower.recipient_id
            )
            for one in page
            if one.leads_on
        ]
    return found


def _expansion(basis: Basis, trigger: Imagined, depth: int, *, trigger_id: UUID) -> Expansion:
    """Write a trigger as one whose followers are made."""
    request = trigger.request
    actor = request.actor.ref if request.actor else None
    return Expansion(
        workflow_run_id=trigger_id,
        environment_id=basis.environment.id,
        branch_id=basis.environment.branch_id,
        workflow_key=request.workflow_key,
        version_id=trigger_id,
        tenant_id=request.tenant.ref.id if request.tenant else None,
        actor_collection=actor.collection if actor else None,
        actor_id=actor.id if actor else None,
        source=request.source,
        settings=request.settings,
        depth=depth,
        after_collection="",
        after_id="",
        cancellation_ids=[],
    )
