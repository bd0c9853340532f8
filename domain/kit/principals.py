"""Who makes a request: an API key of one environment, or an account-wide service token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from domain.kit.user_tokens import UserToken

# The environment that content is written in; real people live in the others.
DEVELOPMENT = "development"


class KeyKind(StrEnum):
    """What an API key may do; decided by the stored record, never by the key's prefix."""

    SECRET = "secret"  # noqa: S105 - a kind of key, not a key
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class EnvironmentScope:
    """The environment that a request works in.

    Attributes:
        config_version: the version of its configuration as read with the credential, or None when
            nobody has read it yet.
        branch_id: the branch whose content is used; None for the environment's own.
        branch: slug of that branch.
    """

    id: UUID
    slug: str
    config_version: int | None = None
    branch_id: UUID | None = None
    branch: str | None = None

    @property
    def is_development(self) -> bool:
        """Tell whether this is the environment that an account is developed in."""
        return self.slug == DEVELOPMENT

    @property
    def content_id(self) -> UUID:
        """Return where its content is: its own id, unless a branch was named.

        What belongs to people, such as users, schedules and messages, is kept under `id`.
        """
        return self.branch_id or self.id

    @property
    def main(self) -> EnvironmentScope:
        """Return the same environment without its branch."""
        return replace(self, branch_id=None, branch=None)


@dataclass(frozen=True, slots=True)
class Principal:
    """The holder of an API key.

    Attributes:
        user_token: proves in whose name a public key is used.
    """

    kind: KeyKind
    environment: EnvironmentScope
    key_id: UUID
    user_token: UserToken | None = None

    @property
    def is_anonymous(self) -> bool:
        """Tell whether anybody may be calling in a user's name, and about real people.

        A public key stands in every page of an application; without a user token nothing proves
        whose browser sent it (Knock docs: "Security and authentication").
        """
        return (
            self.kind is KeyKind.PUBLIC
            and self.user_token is None
            and not self.environment.is_development
        )


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """The holder of a service token, who acts on the whole account."""

    token_id: UUID
    name: str
