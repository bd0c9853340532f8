"""Preference centers: what the hosted page of each environment shows.

They are not versioned and work at once.

Source: Knock docs, "Hosted preference center"; Management API, "Preference center"; Knock API,
PreferenceCenterConfigWithMetadata.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from domain.content.variables import BRANDING
from domain.kit.errors import FieldError, InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.preferences.center import (
    BUILT_IN,
    NO_CENTER,
    CenterIn,
    PreferenceCenter,
    Row,
    RowIn,
    RowType,
)
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from models.queries.channels import channels as channel_queries
from models.queries.preferences import centers as queries
from models.queries.recipients.recipients import get_recipient
from runtime.database import Connection
from services.engine import Engine

# The variable that says what the product is called, as the built-in e-mail layout reads it.
_ACCOUNT_NAME = "app_name"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a page shows beside preferences.

    Attributes:
        account_name: the variable `app_name`, when it is public and a text.
        branding: of the environment, complete.
    """

    account_name: str | None
    branding: JsonObject


@dataclass(frozen=True, slots=True)
class CenterView:
    """A preference center as it is shown to a user."""

    center: PreferenceCenter
    around: Surroundings
    user: Recipient

    @property
    def user_email(self) -> str:
        """Return what the user is told that it is: its address, or else its id."""
        email = self.user.properties.get("email")
        return email if isinstance(email, str) and email else self.user.id


async def get_center(engine: Engine, environment: EnvironmentScope) -> PreferenceCenter:
    """Return the preference center of an environment; the built-in one when nothing was said."""
    async with engine.connection() as connection:
        return await find_center(connection, environment.id)


async def find_center(connection: Connection, environment_id: UUID) -> PreferenceCenter:
    """Do what `get_center` does, on a connection."""
    return await queries.get_center(connection, environment_id) or NO_CENTER


async def put_center(
    engine: Engine, environment: EnvironmentScope, wanted: CenterIn
) -> PreferenceCenter:
    """Say what the page of an environment shows, from now on.

    Raises:
        InvalidParams: a row is about a channel that does not exist.
    """
    async with engine.unit() as unit:
        await _check_channels(unit.connection, wanted.config.rows)
        return await queries.put_center(
            unit.connection,
            environment.id,
            wanted.config.content(),
            enabled=wanted.enabled,
            now=unit.now,
        )


async def reset_center(engine: Engine, environment: EnvironmentScope) -> PreferenceCenter:
    """Let the page show the built-in texts and rows again; whether it is enabled stays."""
    async with engine.unit() as unit:
        return await queries.put_center(
            unit.connection, environment.id, BUILT_IN, enabled=None, now=unit.now
        )


async def get_view(engine: Engine, environment: EnvironmentScope, ref: RecipientRef) -> CenterView:
    """Return the preference center as it is shown to a user. Raises NotFound."""
    async with engine.connection() as connection:
        user = await get_recipient(connection, environment.id, ref)
        if user is None:
            raise NotFound("The user does not exist.")
        center = await find_center(connection, environment.id)
        return CenterView(center, await load_surroundings(engine, connection, environment), user)


async def load_surroundings(
    engine: Engine, connection: Connection, environment: EnvironmentScope
) -> Surroundings:
    """Return what the pages of an environment show beside preferences."""
    configuration = await engine.catalog.current(connection, environment)
    name = configuration.variables.public.get(_ACCOUNT_NAME)
    branding = configuration.variables.values.get(BRANDING)
    return Surroundings(
        name if isinstance(name, str) and name else None,
        branding if isinstance(branding, dict) else {},
    )


async def channel_types_for(connection: Connection, rows: Iterable[Row | RowIn]) -> dict[str, str]:
    """Return the types of the channels that rows are about, by id; of those that exist."""
    ids = [UUID(row.identifier) for row in rows if row.type is RowType.CHANNEL and row.identifier]
    return await channel_queries.types_of_channels(connection, ids) if ids else {}


async def _check_channels(connection: Connection, rows: list[RowIn]) -> None:
    known = await channel_types_for(connection, rows)
    wrong = [
        FieldError(f"config.rows[{index}].identifier", f"channel {row.identifier} does not exist")
        for index, row in enumerate(rows)
        if row.type is RowType.CHANNEL and row.identifier not in known
    ]
    if wrong:
        raise InvalidParams(wrong)
