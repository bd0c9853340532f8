"""SQL over variables and brandings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.content.variables import EffectiveVariable, Variable, VariableFilters, VariableValue
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from models.sql import Listing, Where, columns_of, fetch_all, fetch_one
from runtime.database import Connection

_VARIABLES = Listing(Variable, "variables v", "v", ("key",), descending=False)
_COLUMNS = columns_of(Variable, "v")
_VALUES = columns_of(VariableValue, "o", {"environment": "e.slug"})
_BY_TYPE = {"type": "v.type = %s"}


async def effective_variables(
    connection: Connection, environment_id: UUID
) -> list[EffectiveVariable]:
    """Return all variables as one environment sees them."""
    return await fetch_all(
        connection,
        EffectiveVariable,
        """
        SELECT v.key, v.type, o.environment_id,
               CASE WHEN o.key IS NULL THEN v.value ELSE o.value END AS value,
               CASE WHEN o.key IS NULL THEN v.sealed_value ELSE o.sealed_value END AS sealed_value
        FROM variables v
        LEFT JOIN variable_values o ON o.key = v.key AND o.environment_id = %s
        """,
        [environment_id],
    )


async def list_variables(
    connection: Connection, filters: VariableFilters, request: PageRequest
) -> Page[Variable]:
    """Return a page of the account's variables by key."""
    where = Where()
    where.add("true")
    where.add_by_name(_BY_TYPE, filters)
    return await _VARIABLES.page(connection, where, request)


async def get_variable(connection: Connection, key: str, *, lock: bool = False) -> Variable | None:
    """Return one variable."""
    return await fetch_one(
        connection,
        Variable,
        f"SELECT {_COLUMNS} FROM variables v WHERE key = %s"  # noqa: S608 - constants
        f" {'FOR UPDATE' if lock else ''}",
        [key],
    )


async def values_of(connection: Connection, keys: Sequence[str]) -> list[VariableValue]:
    """Return the values that environments have of these variables, in the order of promotion."""
    return await fetch_all(
        connection,
        VariableValue,
        f"SELECT {_VALUES} FROM variable_values o"  # noqa: S608 - constants
        " JOIN environments e ON e.id = o.environment_id WHERE o.key = ANY(%s)"
        " ORDER BY e.position",
        [list(keys)],
    )


async def list_sealed(connection: Connection, key: str | None = None) -> list[EffectiveVariable]:
    """Return everything that is sealed of one variable, or of all by key."""
    return await fetch_all(
        connection,
        EffectiveVariable,
        """
        SELECT key, type, NULL AS value, sealed_value, NULL::uuid AS environment_id
        FROM variables
        WHERE sealed_value IS NOT NULL AND (%(key)s::text IS NULL OR key = %(key)s)
        UNION ALL
        SELECT o.key, v.type, NULL, o.sealed_value, o.environment_id
        FROM variable_values o JOIN variables v ON v.key = o.key
        WHERE o.sealed_value IS NOT NULL AND (%(key)s::text IS NULL OR o.key = %(key)s)
        ORDER BY 1
        """,
        {"key": key},
    )


async def seal_anew(
    connection: Connection, key: str, environment_id: UUID | None, sealed: bytes
) -> None:
    """Write a sealed value in the place of the same one, of the account or of an environment."""
    if environment_id is None:
        await connection.execute(
            "UPDATE variables SET sealed_value = %s WHERE key = %s", [sealed, key]
        )
    else:
        await connection.execute(
            "UPDATE variable_values SET sealed_value = %s WHERE key = %s AND environment_id = %s",
            [sealed, key, environment_id],
        )


async def count_variables(connection: Connection) -> int:
    """Return how many variables the account has."""
    cursor = await connection.execute("SELECT count(*) AS many FROM variables")
    row = await cursor.fetchone()
    return 0 if row is None else int(row["many"])


async def put_variable(connection: Connection, variable: Variable) -> None:
    """Write a variable, new or over the old one."""
    await connection.execute(
        """
        INSERT INTO variables (key, type, description, value, sealed_value, inserted_at,
            updated_at)
        VALUES (%(key)s, %(type)s, %(description)s, %(value)s, %(sealed_value)s,
            %(inserted_at)s, %(updated_at)s)
        ON CONFLICT (key) DO UPDATE SET description = excluded.description,
            value = excluded.value, sealed_value = excluded.sealed_value,
            updated_at = excluded.updated_at
        """,
        asdict(variable),
    )


async def put_value(connection: Connection, value: VariableValue) -> None:
    """Write the value that a variable has in one environment."""
    await connection.execute(
        """
        INSERT INTO variable_values (environment_id, key, value, sealed_value)
        VALUES (%(environment_id)s, %(key)s, %(value)s, %(sealed_value)s)
        ON CONFLICT (environment_id, key) DO UPDATE
        SET value = excluded.value, sealed_value = excluded.sealed_value
        """,
        asdict(value),
    )


async def remove_value(connection: Connection, environment_id: UUID, key: str) -> None:
    """Let an environment have the account's value again."""
    await connection.execute(
        "DELETE FROM variable_values WHERE environment_id = %s AND key = %s", [environment_id, key]
    )


async def remove_variable(connection: Connection, key: str) -> bool:
    """Remove a variable with all its values; False when there is none."""
    cursor = await connection.execute("DELETE FROM variables WHERE key = %s", [key])
    return cursor.rowcount == 1


async def get_branding(connection: Connection, environment_id: UUID) -> JsonObject:
    """Return the branding of an environment as it was set; empty when it never was."""
    cursor = await connection.execute(
        "SELECT branding FROM brandings WHERE environment_id = %s", [environment_id]
    )
    row = await cursor.fetchone()
    branding: JsonObject = row["branding"] if row else {}
    return branding


async def put_branding(
    connection: Connection, environment_id: UUID, branding: JsonObject, now: datetime
) -> None:
    """Set the branding of an environment."""
    await connection.execute(
        """
        INSERT INTO brandings (environment_id, branding, updated_at) VALUES (%s, %s, %s)
        ON CONFLICT (environment_id) DO UPDATE
        SET branding = excluded.branding, updated_at = excluded.updated_at
        """,
        [environment_id, Jsonb(branding), now],
    )
