"""What is kept for a while only can be cut by time, and dropped piece by piece, when that comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from commands.embedded.postgres import EmbeddedPostgres
from domain.kit.ids import first_id_at
from tests.support.postgres import new_database

# Each with the column that names its row's run or message, and with it the row's time.
LOG_LIKE = {
    "workflow_runs": "id",
    "recipient_runs": "id",
    "followed_objects": "id",
    "recipient_run_events": "recipient_run_id",
    "fetches": "recipient_run_id",
    "attachments": "workflow_run_id",
    "messages": "id",
    "message_events": "message_id",
    "delivery_attempts": "message_id",
    "cancellations": "id",
    "source_events": "id",
    "webhook_attempts": "id",
}


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    """Make a database of its own, because the experiment changes its tables."""
    return new_database(postgres)


@pytest.mark.parametrize(("table", "column"), LOG_LIKE.items())
def test_every_unique_key_begins_with_the_id(url: str, table: str, column: str) -> None:
    """PostgreSQL keeps a key unique across partitions only if it holds what they are cut by."""
    with psycopg.connect(url) as connection:
        keys = connection.execute(
            "SELECT array_agg(a.attname ORDER BY k.place) FROM pg_index i,"
            " unnest(i.indkey) WITH ORDINALITY AS k (number, place)"
            " JOIN pg_attribute a ON a.attnum = k.number"
            " WHERE i.indrelid = %s::regclass AND a.attrelid = i.indrelid AND i.indisunique"
            " GROUP BY i.indexrelid",
            [table],
        ).fetchall()
    assert keys
    assert {key[0][0] for key in keys} == {column}


@pytest.mark.parametrize("table", LOG_LIKE)
def test_nothing_refers_to_it(url: str, table: str) -> None:
    """A foreign key would turn the drop of a partition into a search for what refers to it."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT conrelid::regclass::text FROM pg_constraint"
            " WHERE contype = 'f' AND (confrelid = %(table)s::regclass"
            " OR conrelid = %(table)s::regclass AND confrelid = 'environments'::regclass)",
            {"table": table},
        ).fetchall()
    assert found == []


@pytest.mark.parametrize(("table", "column"), LOG_LIKE.items())
def test_a_month_can_be_dropped(url: str, table: str, column: str) -> None:
    """Cut by ranges of ids, with all its indexes and computed columns, a month goes at once."""
    january, february, march = (datetime(2027, month, 1, tzinfo=UTC) for month in (1, 2, 3))
    with psycopg.connect(url) as connection:
        connection.execute(
            f"CREATE TABLE cut (LIKE {table} INCLUDING ALL) PARTITION BY RANGE ({column})"
        )
        for name, start, end in (("january", january, february), ("february", february, march)):
            connection.execute(
                f"CREATE TABLE {name} PARTITION OF cut"
                f" FOR VALUES FROM ('{first_id_at(start)}') TO ('{first_id_at(end)}')"
            )
        for moment in (january, february - timedelta(milliseconds=1), february):
            _insert_blank(connection, table, **{column: first_id_at(moment)})
        connection.execute("DROP TABLE january")
        left = connection.execute(f"SELECT {column} FROM cut").fetchall()
        plan = connection.execute(
            f"EXPLAIN SELECT * FROM cut WHERE {column} < '{first_id_at(january)}'"
        ).fetchall()
        connection.rollback()
    assert left == [(first_id_at(february),)]
    assert "february" not in str(plan)


def _insert_blank(connection: psycopg.Connection, table: str, **values: object) -> None:
    """Insert a row into `cut` with something of the right type in each column that needs it."""
    blanks = {
        "uuid": "gen_random_uuid()",
        "text": "''",
        "character varying": "''",
        "integer": "0",
        "bigint": "0",
        "jsonb": "'{}'",
        "bytea": "''",
        "timestamp with time zone": "now()",
        "ARRAY": "'{}'",
    }
    needed = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s"
        " AND is_nullable = 'NO' AND is_generated = 'NEVER'",
        [table],
    ).fetchall()
    columns = {name: blanks[kind] for name, kind in needed if name not in values}
    names = ", ".join([*columns, *values])
    given = ", ".join([*columns.values(), *(f"'{value}'" for value in values.values())])
    connection.execute(f"INSERT INTO cut ({names}) VALUES ({given})")
