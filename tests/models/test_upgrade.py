"""A database of an earlier version is brought to the newest, with what it holds."""

from __future__ import annotations

import uuid

import psycopg

from commands.embedded.postgres import EmbeddedPostgres
from tests.support.postgres import migrate

_FILL = """
INSERT INTO environments (id, slug, name, position, inserted_at, updated_at)
VALUES (%(id)s, 'development', 'Development', 1, now(), now());
INSERT INTO channels (id, key, name, channel_type, provider, inserted_at, updated_at)
VALUES (%(id)s, 'in-app', 'In app', 'in_app_feed', 'in_app', now(), now());
INSERT INTO content_resources (environment_id, resource_type, key, draft, draft_sha, active,
    inserted_at, updated_at)
VALUES (%(id)s, 'workflow', 'welcome', '{}', 'x', true, now(), now());
INSERT INTO recipients (environment_id, collection, id, properties, inserted_at, updated_at)
VALUES (%(id)s, '$users', 'ellie', '{}', now(), now());
INSERT INTO messages (id, environment_id, channel_id, channel_type, recipient_run_id,
    workflow_run_id, workflow_key, version_id, step_ref, collection, recipient_id, actors, data,
    content, delivery_status, provider_metadata, retry_count, inserted_at, updated_at)
VALUES (%(id)s, %(id)s, %(id)s, 'in_app_feed', %(id)s, %(id)s, 'welcome', %(id)s, 'feed', '$users',
    'ellie', '[]', '{}', '{}', 'delivered', '{}', 0, now(), now())
"""


def test_rows_of_the_first_version_go_on(postgres: EmbeddedPostgres) -> None:
    """Messages are there for bulk operations; old triggers and new ones do what they are for."""
    url = postgres.ensure_database(f"upgraded_{uuid.uuid4().hex[:12]}")
    migrate(url, "0001")
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor, autocommit=True) as connection:
        connection.execute(_FILL, {"id": uuid.uuid4()})
        migrate(url)
        found = connection.execute(
            "SELECT source_type, pg_visible_in_snapshot(made_by::text::xid8, pg_current_snapshot())"
            " FROM messages"
        )
        assert found.fetchall() == [("workflow", True)]
        for statement in (
            "UPDATE channels SET key = 'feed'",
            "UPDATE content_resources SET active_from = now()",
            "INSERT INTO variables (key, type, inserted_at, updated_at)"
            " VALUES ('host', 'public', now(), now())",
        ):
            before = connection.execute("SELECT config_version FROM environments").fetchone()
            connection.execute(statement)
            after = connection.execute("SELECT config_version FROM environments").fetchone()
            assert before is not None
            assert after == (before[0] + 1,)
        connection.execute('UPDATE recipients SET properties = \'{"timezone": "Asia/Tokyo"}\'')
        moved = connection.execute("SELECT recipient_id FROM moved_recipients").fetchall()
        assert moved == [("ellie",)]


def test_a_first_revision_with_everything_is_left_as_it_is(postgres: EmbeddedPostgres) -> None:
    """For a day the first revision made every table: its database is only given the number."""
    url = postgres.ensure_database(f"upgraded_{uuid.uuid4().hex[:12]}")
    migrate(url, "0002")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        migrate(url, "0002")
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        assert found == [("0002",)]
