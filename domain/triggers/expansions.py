"""Triggers for objects reach those who follow them (Knock docs: "Subscriptions").

An object that is a recipient has a run, and so has everybody who follows it; objects among those
lead one step further. Everybody has one run, whatever the number of ways: a recipient that the
trigger names is not reached by a subscription, and of several subscriptions the one on the shorter
way counts, of equally long ones the oldest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.ids import recipient_run_id
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from domain.triggers.requests import is_rehearsed, is_sandboxed

# Those who follow an object that the trigger names, and those who follow an object among them.
MAX_DEPTH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """A trigger whose objects' followers have no runs yet, as far as `depth`.

    Attributes:
        cancellation_ids: cancels of single recipients that came since the trigger was accepted.
        after_collection: with `after_id` behind whom the next page begins; of a broadcast they hold
            the tenant and the user.
    """

    workflow_run_id: UUID
    environment_id: UUID
    branch_id: UUID | None
    workflow_key: str
    version_id: UUID
    tenant_id: str | None
    actor_collection: str | None
    actor_id: str | None
    source: JsonObject
    settings: JsonObject
    depth: int
    after_collection: str
    after_id: str
    cancellation_ids: list[UUID]

    @property
    def actor(self) -> RecipientRef | None:
        """Return who triggered it, if that was said."""
        if self.actor_id is None or self.actor_collection is None:
            return None
        return RecipientRef(self.actor_collection, self.actor_id)

    @property
    def is_rehearsal(self) -> bool:
        """Tell whether it tries a workflow out, for which frequencies do not count."""
        return is_rehearsed(self.source)

    @property
    def is_sandboxed(self) -> bool:
        """Tell whether its messages stay in the house; such runs count among themselves alone."""
        return is_sandboxed(self.settings)


@dataclass(frozen=True, slots=True)
class Followed:
    """An object of a trigger whose followers it reaches, by the id of the object's own run.

    Attributes:
        root_id: the object that the trigger named and that leads to it.
    """

    id: UUID
    root_id: UUID
    collection: str
    object_id: str


@dataclass(frozen=True, slots=True)
class Follower:
    """A recipient that follows an object of a trigger, since an instant.

    Attributes:
        through_id: the object, as a followed object of the trigger.
        root_id: the object that the trigger named and that leads to it.
    """

    through_id: UUID
    root_id: UUID
    collection: str
    recipient_id: str
    subscribed_at: datetime

    @property
    def ref(self) -> RecipientRef:
        """Return who it is."""
        return RecipientRef(self.collection, self.recipient_id)


@dataclass(frozen=True, slots=True)
class Reached:
    """A recipient that a trigger has reached through an object.

    Attributes:
        run_id: of the run that it may have.
        has_run: False for one whose run was cancelled before it was made.
        leads_on: whether those who follow it are reached, too.
    """

    run_id: UUID
    follower: Follower
    has_run: bool
    leads_on: bool


def reached(
    expansion: Expansion, followers: Iterable[Follower], cancelled: Iterable[str]
) -> list[Reached]:
    """Say whom a page of followers adds to a trigger, each once.

    The actor is left out, with those who follow it: what it does itself is no news to them.

    Args:
        expansion: the trigger, and the depth at which these followers are.
        followers: in any order.
        cancelled: global ids of those whose runs were cancelled before they were made.
    """
    named, found = set(cancelled), dict[RecipientRef, Follower]()
    for follower in followers:
        known = found.get(follower.ref)
        if follower.ref != expansion.actor and (known is None or _way(follower) < _way(known)):
            found[follower.ref] = follower
    return [
        Reached(
            recipient_run_id(expansion.workflow_run_id, ref.gid),
            follower,
            has_run=ref.gid not in named,
            leads_on=expansion.depth < MAX_DEPTH and not ref.is_user,
        )
        for ref, follower in found.items()
    ]


def _way(follower: Follower) -> tuple[datetime, UUID]:
    return follower.subscribed_at, follower.through_id
