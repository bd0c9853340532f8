"""Wire shapes of commits."""

from __future__ import annotations

from pydantic import BaseModel

from api.management.common import PageInfoOut


class CommitAuthorOut(BaseModel):
    """Who committed."""

    name: str | None
    email: str


class CommitResourceOut(BaseModel):
    """What was committed."""

    type: str
    identifier: str


class CommitOut(BaseModel):
    """A commit; the author stands under both names that Knock has used."""

    id: str
    environment: str
    resource: CommitResourceOut
    author: CommitAuthorOut
    commit_author: CommitAuthorOut
    commit_message: str | None
    created_at: str
    updated_at: str


class CommitBodyOut(BaseModel):
    """The answer to a promotion of one commit."""

    commit: CommitOut


class CommitPageOut(BaseModel):
    """A page of commits."""

    entries: list[CommitOut]
    page_info: PageInfoOut
