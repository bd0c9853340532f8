"""Who would be in which dynamic audience with new conditions, and who is without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from domain.content.audience import Audience
from domain.kit.json_types import JsonObject
from domain.what_if.differences import Kind
from domain.what_if.samples import Sample


def dynamic_memberships(
    audiences: Mapping[str, Audience | None], user: JsonObject, now: datetime
) -> frozenset[str]:
    """Return the keys of those of some audiences that a user fulfils.

    Args:
        audiences: by key; None for one that is not there.
        user: as conditions see the user.
        now: when.
    """
    return frozenset(
        key for key, one in audiences.items() if one is not None and one.includes(user, now)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceDifference:
    """That somebody would be in an audience from now on, or no more."""

    kind: Kind
    audience_key: str
    user_id: str


@dataclass(slots=True)
class AudienceFigures:
    """How many are in an audience without and with its new conditions.

    Attributes:
        before, after: how many.
        joined, left: how many of those in the one case only.
        workflows: that somebody triggers by entering it, as these would be published too.
    """

    before: int = 0
    after: int = 0
    joined: int = 0
    left: int = 0
    workflows: list[str] = field(default_factory=list)


@dataclass(slots=True)
class AudienceFindings:
    """What was found; `add` counts one user more.

    Attributes:
        sample: some of those who join or leave; all are counted.
        users: who were compared.
        has_more_users: whether the time was over before all were.
        audiences: figures by key.
    """

    sample: Sample[AudienceDifference]
    users: int = 0
    has_more_users: bool = False
    audiences: dict[str, AudienceFigures] = field(default_factory=dict)

    @property
    def differences(self) -> list[AudienceDifference]:
        """Return those that are kept, in the order in which they were found."""
        return self.sample.kept

    @property
    def total(self) -> int:
        """Return how many join or leave."""
        return sum(each.joined + each.left for each in self.audiences.values())

    def add(self, user_id: str, before: frozenset[str], after: frozenset[str]) -> None:
        """Count in which audiences a user is without and with the new conditions."""
        self.users += 1
        for key in before | after:
            figures = self.audiences[key]
            figures.before += key in before
            figures.after += key in after
        for key in sorted(before ^ after):
            kind = Kind.ADDED if key in after else Kind.DROPPED
            self.audiences[key].joined += kind is Kind.ADDED
            self.audiences[key].left += kind is Kind.DROPPED
            found = AudienceDifference(kind=kind, audience_key=key, user_id=user_id)
            self.sample.offer((key, kind), partial(_kept, found), _as_it_is)


def _kept(found: AudienceDifference) -> tuple[AudienceDifference, int]:
    """Return a difference, which says nothing beside who joins or leaves."""
    return found, 0


def _as_it_is(kept: AudienceDifference) -> AudienceDifference:
    return kept
