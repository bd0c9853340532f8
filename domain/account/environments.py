"""Environments: where content lives, in the order of promotion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from domain.account.credentials import Name
from domain.kit.principals import DEVELOPMENT, EnvironmentScope
from domain.kit.shapes import REFUSE_NULL, Shape, Wrong
from domain.kit.stored import is_content_key

# Each process remembers the configuration of as many.
MAX_ENVIRONMENTS = 50
# What an account begins with.
FIRST_ENVIRONMENTS = (DEVELOPMENT, "production")
_MAX_SLUG = 64


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment; content is promoted from lower to higher positions.

    Attributes:
        last_commit_at: the instant of its newest commit.
    """

    id: UUID
    slug: str
    name: str
    position: int
    inserted_at: datetime
    updated_at: datetime
    last_commit_at: datetime | None

    @property
    def owner(self) -> Literal["system", "user"]:
        """Return who has made it: it was there from the beginning, or somebody added it."""
        return "system" if self.slug in FIRST_ENVIRONMENTS else "user"

    @property
    def scope(self) -> EnvironmentScope:
        """Return it as what a use case works in."""
        return EnvironmentScope(self.id, self.slug)


def _slug(text: str) -> str:
    if not is_content_key(text):
        raise Wrong(f"must be 3 to {_MAX_SLUG} characters of a-z, 0-9, - and _")
    return text


class EnvironmentIn(Shape):
    """An environment to be made."""

    slug: Annotated[
        str,
        REFUSE_NULL,
        Field(
            max_length=_MAX_SLUG,
            description="Identifies the environment in requests; cannot be changed.",
        ),
        AfterValidator(_slug),
    ]
    name: Annotated[Name, REFUSE_NULL]
    after: str | None = Field(
        None,
        description=(
            "Slug of the environment directly before it, which must not be the last one. "
            "Default: the last but one."
        ),
    )
    enhanced_security: bool | None = Field(
        None,
        description=(
            "Whether its public keys need a user token. Default: required, as everywhere "
            "except in `development`."
        ),
    )


class EnvironmentBodyIn(Shape):
    """The environment under its name."""

    environment: EnvironmentIn


class EnvironmentChangeIn(Shape):
    """What may change of an environment."""

    name: Annotated[Name, REFUSE_NULL]


class EnvironmentChangeBodyIn(Shape):
    """The change under its name."""

    environment: EnvironmentChangeIn
