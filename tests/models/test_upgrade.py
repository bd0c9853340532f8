"""A database of an earlier version is brought to the newest, with what it holds."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from commands.embedded.postgres import EmbeddedPostgres
from tests.support.postgres import migrate, migrate_back
from tests.support.waiting import eventually

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

_PUBLISH = """
INSERT INTO content_versions (id, environment_id, resource_type, key, content, sha, inserted_at)
SELECT %(id)s, %(id)s, 'workflow', 'welcome', '{}', 'x', now();
UPDATE content_resources SET published_version_id = %(id)s, published_sha = 'x';
INSERT INTO commits (id, environment_id, resource_type, resource_key, version_id, author_name,
    author_email, is_empty, inserted_at)
VALUES (%(id)s, %(id)s, 'workflow', 'welcome', %(id)s, 'Ada', 'ada@example.com', false, now())
"""
_BRANCH_OFF = """
INSERT INTO branches (id, environment_id, slug, inserted_at, updated_at)
VALUES (%(branch)s, %(id)s, 'feature', now(), now());
INSERT INTO content_versions (id, environment_id, resource_type, key, content, sha, inserted_at)
VALUES (%(branch)s, %(branch)s, 'workflow', 'welcome', '{}', 'y', now());
INSERT INTO content_resources (environment_id, resource_type, key, draft_sha, published_version_id,
    published_sha, active, inserted_at, updated_at)
SELECT %(branch)s, 'workflow', 'flow-' || n, 'y', %(branch)s, 'y', true, now(), now()
FROM generate_series(1, 5) AS n;
INSERT INTO commits (id, environment_id, resource_type, resource_key, version_id, author_name,
    author_email, is_empty, inserted_at, replaced_version_id)
VALUES (%(branch)s, %(branch)s, 'workflow', 'welcome', %(branch)s, 'Ada', 'ada@example.com', false,
    now(), %(id)s)
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


def test_content_becomes_a_main_branch_and_goes_back(postgres: EmbeddedPostgres) -> None:
    """Rows stay where they are; going back leaves nothing of a branch but its versions."""
    url = postgres.ensure_database(f"upgraded_{uuid.uuid4().hex[:12]}")
    values = {"id": uuid.uuid4(), "branch": uuid.uuid4()}
    migrate(url, "0001")
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor, autocommit=True) as connection:
        connection.execute(_FILL, values)
        migrate(url, "0008")
        connection.execute(_PUBLISH, values)
        migrate(url, "0009")
        connection.execute(_BRANCH_OFF, values)
        migrate_back(url, "0008")
        for table in ("content_resources", "commits"):
            found = connection.execute(f"SELECT environment_id FROM {table}").fetchall()
            assert found == [(values["id"],)]
        versions = connection.execute("SELECT environment_id FROM content_versions").fetchall()
        assert versions == [(values["id"],)] * 2
        assert _raised(connection, "UPDATE content_resources SET active = false") == 1
        migrate(url)
        assert _raised(connection, "UPDATE content_resources SET active = true") == 1


def test_a_statement_raises_the_version_once(postgres: EmbeddedPostgres) -> None:
    """However many rows it has; and not at all, when it changes nothing that is published."""
    url = postgres.ensure_database(f"upgraded_{uuid.uuid4().hex[:12]}")
    values = {"id": uuid.uuid4(), "branch": uuid.uuid4()}
    migrate(url, "0001")
    with psycopg.connect(url, cursor_factory=psycopg.ClientCursor, autocommit=True) as connection:
        connection.execute(_FILL, values)
        migrate(url)
        assert _raised(connection, _BRANCH_OFF.replace("%(id)s)", "NULL)"), values) == 1
        for statement, times in (
            ("UPDATE content_resources SET draft_sha = 'z'", 0),
            ("UPDATE content_resources SET active = active", 0),
            ("UPDATE content_resources SET active_until = now()", 1),
            ("UPDATE content_resources SET archived_at = now() WHERE key = 'flow-1'", 1),
            ("DELETE FROM content_resources WHERE key LIKE 'flow-%'", 1),
        ):
            assert _raised(connection, statement) == times, statement


def test_who_commits_content_is_waited_for(postgres: EmbeddedPostgres) -> None:
    """A process of the version before locks its environment first: it is not met in between."""
    url = postgres.ensure_database(f"upgraded_{uuid.uuid4().hex[:12]}")
    values = {"id": uuid.uuid4()}
    migrate(url, "0001")
    with (
        ThreadPoolExecutor() as threads,
        psycopg.connect(url, cursor_factory=psycopg.ClientCursor) as before,
        psycopg.connect(url, autocommit=True) as onlooker,
    ):
        before.execute(_FILL, values)
        before.commit()
        migrate(url, "0008")
        before.execute("SELECT 1 FROM environments FOR NO KEY UPDATE")
        migration = threads.submit(migrate, url, "0009")
        eventually(
            lambda: onlooker.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock'"
            ).fetchone(),
            "the migration waits",
        )
        before.execute(_PUBLISH, values)
        before.commit()
        migration.result()
        assert onlooker.execute("SELECT count(*) FROM commits").fetchone() == (1,)


def _raised(
    connection: psycopg.Connection[Any], statement: str, values: dict[str, uuid.UUID] | None = None
) -> int:
    """Return how often a statement raises the version of the configuration."""
    version = "SELECT config_version FROM environments"
    (before,) = connection.execute(version).fetchone() or (0,)
    connection.execute(statement, values)
    (after,) = connection.execute(version).fetchone() or (0,)
    return int(after - before)
