"""Versioned content (workflows, e-mail layouts, …): branches, drafts, versions, commits.

In these tables `environment_id` names a branch. The content that an environment has itself is its
main branch, which has the id of the environment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field, SQLModel

from models.tables.base import instant_column, json_column, text_column


class Branch(SQLModel, table=True):
    """A state of an environment's content: what triggers use that name it.

    Without a slug it is the main branch, which the database makes with each environment. One that
    was deleted has no content any more; the row stays, for the versions that runs still walk
    through.
    """

    __tablename__ = "branches"
    __table_args__ = (
        Index(
            "ix_branches_slug",
            "environment_id",
            "slug",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    environment_id: UUID = Field(foreign_key="environments.id")
    slug: str | None = text_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
    deleted_at: datetime | None = instant_column(nullable=True)


class ContentResource(SQLModel, table=True):
    """One piece of content on one branch: its draft, and which version is published.

    Where the draft is null it says what is published, so that a new branch copies no content.
    `base_version_id` is what the main branch had published when a branch last took notice of it.
    """

    __tablename__ = "content_resources"
    __table_args__ = (
        # The sweep looks at the audiences of all environments.
        Index(
            "ix_content_resources_audiences",
            "environment_id",
            "key",
            postgresql_where=text("resource_type = 'audience'"),
        ),
    )

    environment_id: UUID = Field(foreign_key="branches.id", primary_key=True)
    resource_type: str = Field(primary_key=True)
    key: str = text_column(primary_key=True)
    draft: dict[str, Any] | None = json_column(nullable=True)
    draft_sha: str
    published_version_id: UUID | None = None
    published_sha: str | None = None
    base_version_id: UUID | None = None
    active: bool = True
    active_from: datetime | None = instant_column(nullable=True)
    active_until: datetime | None = instant_column(nullable=True)
    inserted_at: datetime = instant_column()
    updated_at: datetime = instant_column()
    archived_at: datetime | None = instant_column(nullable=True)


class ContentVersion(SQLModel, table=True):
    """A state that was published, or that a test run has taken as it was saved.

    It is never changed, so a run that is pinned to it never changes either.
    """

    __tablename__ = "content_versions"

    id: UUID = Field(primary_key=True)
    environment_id: UUID = Field(foreign_key="branches.id")
    resource_type: str
    key: str = text_column()
    content: dict[str, Any] = json_column()
    sha: str
    inserted_at: datetime = instant_column()


class Commit(SQLModel, table=True):
    """Who published which version, when and why; `promoted_at` when it went one step on.

    Commits of an environment are made one after the other: `position` tells in which order, which
    no clock of theirs does. `replaced_version_id` is what was published before: a branch has also
    what others have committed. It is null where nothing was, or where it was not noted yet.
    """

    __tablename__ = "commits"
    __table_args__ = (
        Index(None, "environment_id", "id"),
        # Finds what came before a commit of a resource, and which were not promoted yet.
        Index(None, "environment_id", "resource_type", "resource_key", "id"),
        # Whoever deletes versions asks whether a commit refers to them.
        Index(None, "version_id"),
    )

    id: UUID = Field(primary_key=True)
    position: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(), nullable=False)
    )
    environment_id: UUID = Field(foreign_key="branches.id")
    resource_type: str
    resource_key: str = text_column()
    version_id: UUID = Field(foreign_key="content_versions.id")
    replaced_version_id: UUID | None = None
    commit_message: str | None = text_column(nullable=True)
    author_name: str
    author_email: str
    is_empty: bool = False
    source_commit_id: UUID | None = None
    inserted_at: datetime = instant_column()
    promoted_at: datetime | None = instant_column(nullable=True)
