"""What is stored of guides beside their content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.messages.messages import Engaged


class Ineligibility(StrEnum):
    """Why a user is not to see a guide; the words are the wire's."""

    NOT_ACTIVE = "guide_not_active"
    ARCHIVED = "marked_as_archived"
    CONDITIONS = "target_conditions_not_met"
    AUDIENCE = "not_in_target_audience"


MESSAGES: dict[Ineligibility, str] = {
    Ineligibility.NOT_ACTIVE: "The guide is not active.",
    Ineligibility.ARCHIVED: "The user has archived the guide.",
    Ineligibility.CONDITIONS: "The user does not meet the target conditions.",
    Ineligibility.AUDIENCE: "The user is not in the target audience.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagedStep(Engaged):
    """What a user did with a step of a guide.

    Attributes:
        is_final: whether the user is done with the whole guide once the message is archived.
        tenant_id: which tenant it was done for, empty for none, while the guide was new for each;
            None if that was while what users did counted for all of them.
        message_tenant_id: on whose behalf it was done first; empty for nobody's.
    """

    user_id: str
    guide_key: str
    step_ref: str
    message_id: UUID
    is_final: bool
    tenant_id: str | None
    message_tenant_id: str

    def counts_for(self, tenant_id: str) -> bool:
        """Tell whether it was done for a tenant, or with an empty id for none."""
        done_for = self.message_tenant_id if self.tenant_id is None else self.tenant_id
        return done_for == tenant_id


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideGroup:
    """In which order an environment shows its guides.

    Attributes:
        display_interval: seconds for which none is shown after one was dismissed; None for no wait.
        display_sequence: keys in order; guides that are not named come behind, the oldest first.
        unthrottled: keys of those that wait for nothing, and come first.
    """

    display_interval: int | None
    display_sequence: list[str]
    unthrottled: list[str]
    inserted_at: datetime
    updated_at: datetime

    def ordered(self, oldest_first: list[str]) -> list[str]:
        """Return all keys in the order in which they are shown, each once."""
        known = set(oldest_first)
        named = (key for key in self.display_sequence if key in known)
        everything = dict.fromkeys([*named, *oldest_first])
        first = set(self.unthrottled)
        return sorted(everything, key=lambda key: key not in first)
