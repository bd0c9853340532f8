"""Wire shapes of environments that are made and changed."""

from __future__ import annotations

from typing import Self

from api.admin.schemas.keys import ApiKeyOut
from api.admin.schemas.security import SigningKeyOut
from api.management.account.schemas import EnvironmentOut
from domain.account.environments import Environment
from domain.kit.answers import Out
from services.account.chain import NewEnvironment


class EnvironmentBodyOut(Out):
    """The environment as it is now."""

    environment: EnvironmentOut

    @classmethod
    def of(cls, environment: Environment) -> Self:
        """Write an environment."""
        return cls(environment=EnvironmentOut.of(environment))


class NewEnvironmentOut(Out):
    """The environment just made, with its first keys."""

    environment: EnvironmentOut
    api_keys: list[ApiKeyOut]
    signing_key: SigningKeyOut

    @classmethod
    def of(cls, made: NewEnvironment) -> Self:
        """Write an environment with the tokens of its keys."""
        signing = made.signing_key
        return cls(
            environment=EnvironmentOut.of(made.environment),
            api_keys=[ApiKeyOut.of(key.row, key.token) for key in made.api_keys],
            signing_key=SigningKeyOut.of(signing.row, signing.private_key),
        )
