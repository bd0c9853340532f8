"""Members: the people who belong to the account.

Knock invites them in its dashboard (docs: "Managing members", "Roles and permissions"). Here they
are a list that others may read: nobody signs in, and whoever has a service token may do everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from domain.kit.filters import Filter
from domain.kit.shapes import REFUSE_NULL, Shape, Wrong

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


class Role(StrEnum):
    """What a member is to the account."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    PRODUCTION_ONLY_MEMBER = "production_only_member"
    BILLING = "billing"
    SUPPORT = "support"


@dataclass(frozen=True, slots=True)
class Member:
    """A member; `user_id` is the person, who would be the same in another account."""

    id: UUID
    user_id: UUID
    email: str
    name: str | None
    avatar_url: str | None
    role: str
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class MemberFilters:
    """Which members are listed."""

    role: Annotated[Role | None, Filter("Only members with this role.")] = None
    email: Annotated[str | None, Filter("Only the member with this address, ignoring case.")] = None


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise Wrong("must be an e-mail address")
    return text


_Name = Annotated[str | None, Field(min_length=1, max_length=255)]
_Url = Annotated[str | None, Field(max_length=2_048)]


class MemberIn(Shape):
    """A member to be added."""

    email: Annotated[str, REFUSE_NULL, Field(max_length=320), AfterValidator(_email)]
    role: Annotated[Role, REFUSE_NULL] = Field(strict=False)
    name: _Name = None
    avatar_url: _Url = None


class MemberBodyIn(Shape):
    """The member under its name."""

    member: MemberIn


class MemberChangeIn(Shape):
    """What changes of a member; what is left out stays."""

    role: Annotated[Role | None, Field(strict=False)] = None
    name: _Name = None
    avatar_url: _Url = None


class MemberChangeBodyIn(Shape):
    """The change under its name."""

    member: MemberChangeIn
