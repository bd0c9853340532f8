"""Notes how PostgreSQL finds the rows of statements before it finds them."""

from __future__ import annotations

from typing import Any, Self

import psycopg
from psycopg.rows import dict_row


def explaining(plans: list[str]) -> type[psycopg.AsyncCursor[Any]]:
    """Return a kind of cursor that adds the plan of each of its statements to a list."""

    class Explained(psycopg.AsyncCursor[Any]):
        async def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            """Explain a statement, unless it changes a setting, then run it."""
            if not str(query).startswith("SET "):
                cursor = psycopg.AsyncCursor(self.connection, row_factory=dict_row)
                await cursor.execute(f"EXPLAIN {query}", params)
                plans.append("\n".join(row["QUERY PLAN"] for row in await cursor.fetchall()))
            return await super().execute(query, params, **options)

    return Explained
