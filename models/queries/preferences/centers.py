"""SQL over preference centers, one for each environment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.json_types import JsonObject
from domain.preferences.center import PreferenceCenter
from models.sql import fetch_one
from runtime.database import Connection, one


async def get_center(connection: Connection, environment_id: UUID) -> PreferenceCenter | None:
    """Return the preference center of an environment, if anything was said of it."""
    return await fetch_one(
        connection,
        PreferenceCenter,
        "SELECT enabled, config FROM preference_centers WHERE environment_id = %s",
        [environment_id],
    )


async def put_center(
    connection: Connection,
    environment_id: UUID,
    config: JsonObject,
    *,
    enabled: bool | None,
    now: datetime,
) -> PreferenceCenter:
    """Store what a preference center shows; `enabled` stays as it was when it is None."""
    stored = await fetch_one(
        connection,
        PreferenceCenter,
        """
        INSERT INTO preference_centers AS c (environment_id, enabled, config, updated_at)
        VALUES (%(environment_id)s, coalesce(%(enabled)s::boolean, false), %(config)s, %(now)s)
        ON CONFLICT (environment_id) DO UPDATE
        SET enabled = coalesce(%(enabled)s::boolean, c.enabled), config = excluded.config,
            updated_at = excluded.updated_at
        RETURNING enabled, config
        """,
        {
            "environment_id": environment_id,
            "enabled": enabled,
            "config": Jsonb(config),
            "now": now,
        },
    )
    return one(stored)
