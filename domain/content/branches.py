"""Branches: states of development's content beside its own (Knock docs: "Branches")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.errors import InvalidParams, Unprocessable
from domain.kit.principals import EnvironmentScope

MAX_SLUG_LENGTH = 255
# What Knock calls the content that the environment has itself.
MAIN = "main"
# It stands in paths and in a header.
_SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of an environment.

    Attributes:
        environment: slug of the environment.
        last_commit_at: the instant of its newest commit; of its own, not of what it began with.
        sorted_at: the same, or when it was made.
    """

    id: UUID
    environment_id: UUID
    environment: str
    slug: str
    inserted_at: datetime
    updated_at: datetime
    last_commit_at: datetime | None
    sorted_at: datetime

    @property
    def scope(self) -> EnvironmentScope:
        """Return it as what a use case works in."""
        return EnvironmentScope(
            self.environment_id, self.environment, branch_id=self.id, branch=self.slug
        )


@dataclass(frozen=True, slots=True)
class Parted:
    """A piece of content of which the main branch has another version than a branch began with.

    Attributes:
        has_draft: whether the branch has changes of it that are not committed.
        has_commits: whether the branch has commits of it that are not merged.
    """

    resource_type: str
    key: str
    has_draft: bool
    has_commits: bool

    def __str__(self) -> str:
        """Name it as errors do."""
        return f"{self.resource_type} {self.key!r}"


def is_slug(text: str) -> bool:
    """Tell whether a branch may be called so."""
    return len(text) <= MAX_SLUG_LENGTH and _SLUG.fullmatch(text) is not None


def check_slug(slug: str) -> str:
    """Return the slug of a new branch. Raises InvalidParams."""
    if len(slug) > MAX_SLUG_LENGTH:
        raise InvalidParams.of("slug", f"must have at most {MAX_SLUG_LENGTH} characters")
    if not _SLUG.fullmatch(slug):
        raise InvalidParams.of(
            "slug", "must be letters and digits, with `-`, `_` or `.` between them"
        )
    if slug == MAIN:
        raise InvalidParams.of("slug", "is reserved for the main branch")
    return slug


def refuse_blocked(slug: str, parted: Sequence[Parted]) -> None:
    """Raise Unprocessable where a rebase would take somebody's uncommitted changes away.

    Source: Knock docs, "Branches" ("Before you rebase").
    """
    blocking = [one for one in parted if one.has_draft and not one.has_commits]
    if blocking:
        raise Unprocessable(
            f"The branch {slug!r} has uncommitted changes to content that has also changed in "
            "development:"
            f" {_listed(blocking)}. Commit or discard them first.",
            code="branch_rebase_blocked",
        )


def refuse_conflicts(slug: str, parted: Sequence[Parted]) -> None:
    """Raise Unprocessable where a merge would overwrite what was changed in development meanwhile.

    Source: Knock docs, "Branches" ("How rebase works").
    """
    if parted:
        raise Unprocessable(
            f"Development and the branch {slug!r} have both changed: {_listed(parted)}."
            " Rebase the branch, which keeps its own versions, and then merge it.",
            code="branch_merge_conflict",
        )


def _listed(parted: Sequence[Parted]) -> str:
    shown = ", ".join(map(str, parted[:20]))
    return shown if len(parted) <= 20 else f"{shown} and {len(parted) - 20} more"
