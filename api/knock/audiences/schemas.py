"""Wire shapes of the members of audiences."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field

from api.knock.recipients.schemas import UserOut
from domain.audiences.members import MemberView
from domain.kit.answers import Moment, Out


class AudienceMemberOut(Out):
    """A user who is in an audience, for one tenant or for none."""

    typename: Annotated[Literal["AudienceMember"], Field(alias="__typename")] = "AudienceMember"
    user_id: str
    user: UserOut
    tenant: str | None
    added_at: Moment

    @classmethod
    def of(cls, found: MemberView) -> Self:
        """Write a member."""
        return cls(
            user_id=found.member.user_id,
            user=UserOut.of(found.user),
            tenant=found.member.tenant_id or None,
            added_at=found.member.added_at,
        )
