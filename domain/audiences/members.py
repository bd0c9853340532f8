"""Members of audiences: a user, for one tenant or for none (Knock docs: "Audiences")."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, encoded_size
from domain.kit.shapes import JudgedWhole, Shape, read_shape
from domain.recipients.inline import InlineRecipient, combined
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import MAX_PROPERTIES_BYTES, InlineUserIn, ObjectId

MAX_MEMBERS = 1_000
# A membership without a tenant, as it is stored: an id of a tenant is never empty.
NO_TENANT = ""


@dataclass(frozen=True, slots=True, order=True)
class Membership:
    """That a user is in an audience; `tenant_id` is empty when it is for no tenant."""

    user_id: str
    tenant_id: str = NO_TENANT


@dataclass(frozen=True, slots=True)
class Member:
    """A membership, and since when it is."""

    user_id: str
    tenant_id: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Build:
    """A comparison of all users with a dynamic audience that is due.

    Attributes:
        environment: its slug.
        version_id: of the audience.
        position: id of the user who was compared last.
        passes: how often all users were compared.
    """

    environment_id: UUID
    environment: str
    audience_key: str
    version_id: UUID
    position: str
    passes: int


@dataclass(frozen=True, slots=True)
class MemberView:
    """A membership with its user."""

    member: Member
    user: Recipient


class AudienceMemberIn(Shape):
    """A user, for one tenant or for none."""

    user: InlineUserIn
    tenant: ObjectId | None = Field(None, description="The id of a tenant.")


class ListedMemberIn(AudienceMemberIn, JudgedWhole):
    """A member as a file names it, perhaps with what a broadcast tells this one alone."""

    data: dict[str, str] | None = None

    @classmethod
    def problems(cls, given: JsonObject, size: int | None) -> Iterable[FieldError]:
        """Tell whether its data is too large."""
        if encoded_size(given.get("data")) > MAX_PROPERTIES_BYTES:
            yield FieldError("data", "must have at most 256 kB")

    @property
    def membership(self) -> Membership:
        """Return it without what is said of the user."""
        return Membership(self.user.id, self.tenant or NO_TENANT)

    def said(self) -> InlineRecipient:
        """Return what is said of the user."""
        return InlineRecipient.of(RecipientRef.user(self.user.id), self.user, "user")


def listed_member(content: JsonObject) -> ListedMemberIn:
    """Read a member that a file names. Raises InvalidParams with all that is wrong."""
    return read_shape(ListedMemberIn, content)


class MembersIn(Shape):
    """Members to add or to remove."""

    members: Annotated[list[AudienceMemberIn], Field(max_length=MAX_MEMBERS)]

    def memberships(self) -> list[Membership]:
        """Return each membership once, in the order in which rows are locked."""
        return sorted({Membership(one.user.id, one.tenant or NO_TENANT) for one in self.members})

    def users(self) -> list[InlineRecipient]:
        """Return each user once, with all that is said of them."""
        distinct: dict[RecipientRef, InlineRecipient] = {}
        for index, one in enumerate(self.members):
            ref = RecipientRef.user(one.user.id)
            said = InlineRecipient.of(ref, one.user, f"members[{index}].user")
            distinct[ref] = combined(distinct.get(ref), said)
        return list(distinct.values())
