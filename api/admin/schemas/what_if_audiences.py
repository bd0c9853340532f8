"""What is answered about the audiences that a try has looked at."""

from __future__ import annotations

from typing import Self

from domain.kit.answers import Out
from domain.what_if.audiences import AudienceDifference, AudienceFindings
from domain.what_if.differences import Kind


class AudienceDifferenceOut(Out):
    """That somebody would be in an audience (`added`), or no more (`dropped`)."""

    kind: Kind
    audience: str
    user: str

    @classmethod
    def of(cls, found: AudienceDifference) -> Self:
        """Write a difference."""
        return cls(kind=found.kind, audience=found.audience_key, user=found.user_id)


class AudienceFiguresOut(Out):
    """How many are in an audience without and with the content, and how many join and leave.

    `workflows` are triggered by whoever enters it later; those who join by the content trigger
    none.
    """

    audience: str
    before: int
    after: int
    joined: int
    left: int
    workflows: list[str]


class AudiencesOut(Out):
    """Who would be in which dynamic audience.

    `has_more` tells that the time was over before all users were compared.
    """

    users: int
    has_more: bool
    figures: list[AudienceFiguresOut]
    differences: list[AudienceDifferenceOut]
    differences_left_out: int

    @classmethod
    def of(cls, found: AudienceFindings) -> Self:
        """Write what was found."""
        return cls(
            users=found.users,
            has_more=found.has_more_users,
            figures=[
                AudienceFiguresOut(
                    audience=key,
                    before=each.before,
                    after=each.after,
                    joined=each.joined,
                    left=each.left,
                    workflows=each.workflows,
                )
                for key, each in sorted(found.audiences.items())
            ],
            differences=[AudienceDifferenceOut.of(each) for each in found.differences],
            differences_left_out=found.total - len(found.differences),
        )
