"""Authored content as it is stored: drafts, versions that never change, commits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from domain.kit.authored import ResourceType
from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope, ServicePrincipal

MAX_COMMIT_MESSAGE = 4096


@dataclass(frozen=True, slots=True)
class Resource:
    """One piece of content in one environment: its draft, and which version is published."""

    environment_id: UUID
    resource_type: str
    key: str
    draft: JsonObject
    draft_sha: str
    published_version_id: UUID | None
    published_sha: str | None
    active: bool
    active_from: datetime | None
    active_until: datetime | None
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """What a version says, and since when."""

    id: UUID
    content: JsonObject
    sha: str
    inserted_at: datetime


@dataclass(frozen=True, slots=True)
class VersionContent:
    """What a version says, and the key that it was published under."""

    key: str
    content: JsonValue


@dataclass(frozen=True, slots=True)
class IdentifiedContent(VersionContent):
    """The same of one among several versions."""

    id: UUID


@dataclass(frozen=True, slots=True)
class Published:
    """Which version of a resource is published; None until its first commit.

    Attributes:
        is_active: whether it is switched on, which may hold for some time only.
    """

    resource_type: str
    key: str
    version_id: UUID | None
    is_active: bool
    active_from: datetime | None = None
    active_until: datetime | None = None
    inserted_at: datetime | None = None
    updated_at: datetime | None = None
    is_archived: bool = False

    def is_active_at(self, now: datetime) -> bool:
        """Tell whether it is switched on, and its time is now."""
        return (
            self.is_active
            and (self.active_from is None or self.active_from <= now)
            and (self.active_until is None or now < self.active_until)
        )


@dataclass(frozen=True, slots=True)
class Commit:
    """Who published which version.

    Attributes:
        environment_id: where, which is a branch, or the environment itself.
        environment: slug of the environment.
        branch: slug of the branch, or None for what the environment has itself.
        main_id: the environment.
        is_empty: whether nothing had changed.
        source_commit_id: the commit that this one is a copy of.
        promoted_at: when it went one environment on.
    """

    id: UUID
    environment_id: UUID
    environment: str
    branch: str | None
    main_id: UUID
    resource_type: str
    resource_key: str
    version_id: UUID
    commit_message: str | None
    author_name: str
    author_email: str
    is_empty: bool
    source_commit_id: UUID | None
    inserted_at: datetime
    promoted_at: datetime | None

    @property
    def scope(self) -> EnvironmentScope:
        """Return where it is as what a use case works in."""
        branch_id = None if self.branch is None else self.environment_id
        return EnvironmentScope(
            self.main_id, self.environment, branch_id=branch_id, branch=self.branch
        )


@dataclass(frozen=True, slots=True)
class PromotableCommit(Commit):
    """A commit together with what it published."""

    content: JsonObject
    sha: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which content a commit, a promotion or a list is about; None means all of it."""

    resource_types: Annotated[
        list[ResourceType] | None, Filter("Only resources of these types.", name="resource_type")
    ] = None
    key: Annotated[str | None, Filter("Only the resource with this key.", name="resource_id")] = (
        None
    )

    @property
    def is_single(self) -> bool:
        """Tell whether it names one resource."""
        return self.key is not None and len(self.resource_types or ()) == 1


@dataclass(frozen=True, slots=True)
class CommitFilters(Selection):
    """Which commits are listed."""

    promoted: Annotated[
        bool | None,
        Filter(
            "Only commits that were promoted to the next environment, or only those that were not."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Author:
    """Who commits; a service token has no mailbox, so its address is one that cannot exist."""

    name: str
    email: str

    @classmethod
    def of(cls, principal: ServicePrincipal) -> Author:
        """Name the holder of a service token."""
        return cls(principal.name, f"{principal.token_id}@service-token.invalid")


@dataclass(frozen=True, slots=True)
class CommitNote:
    """What a commit says about itself.

    Attributes:
        author: who commits.
        message: at most `MAX_COMMIT_MESSAGE` characters.
        allow_empty: whether to commit even when nothing changed.
    """

    author: Author
    message: str | None = None
    allow_empty: bool = False
