"""A broadcast as a trigger: its runs are those of the members of its audience, each pair once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from domain.kit.ids import recipient_run_id
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef

# The source of the triggers that broadcasts become.
BROADCAST_SOURCE = "broadcast"
# The depth of the expansion of a broadcast; those who follow objects are deeper.
ADDRESSED = 0


@dataclass(frozen=True, slots=True, order=True)
class Addressee:
    """A member of the audience as it was when a broadcast was sent; no tenant is empty."""

    user_id: str
    tenant_id: str

    def run_id(self, workflow_run_id: UUID) -> UUID:
        """Name the run of this member; one user may have one for each tenant."""
        tenant = (self.tenant_id,) if self.tenant_id else ()
        return recipient_run_id(workflow_run_id, RecipientRef.user(self.user_id).gid, *tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastTrigger:
    """The trigger that a broadcast becomes when it is sent.

    Attributes:
        key: of the broadcast.
        version_id: what its runs walk through.
        audience_key: whose members receive it; None for every user.
        upload_id: of the file whose users receive it instead, or None.
        release_within: after which time the sweep starts it, unless it is started by then.
    """

    workflow_run_id: UUID
    key: str
    version_id: UUID
    audience_key: str | None
    upload_id: UUID | None
    release_within: timedelta

    @property
    def cancellation_key(self) -> str:
        """Return what all its runs can be stopped by."""
        return str(self.workflow_run_id)

    @property
    def source(self) -> JsonObject:
        """Return what is noted of where it comes from."""
        return {
            "type": BROADCAST_SOURCE,
            "broadcast_key": self.key,
            "audience_key": self.audience_key,
        }
