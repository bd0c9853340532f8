"""The migrations make the tables that the models describe, and what the database does by itself."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from services.engine import Engine
from tests.support.builders import Builder, Environment


def test_migrations_match_the_models(engine: Engine) -> None:
    """The check must not raise: what no migration makes would be missing at a customer's."""
    config = Config("alembic.ini")
    config.attributes["database_url"] = engine.settings.database_url
    command.check(config)


async def _version(make: Builder, environment: Environment) -> int:
    (row,) = await make.rows(
        "SELECT config_version FROM environments WHERE id = %s", environment.id
    )
    return int(row["config_version"])


async def test_configuration_raises_its_version(make: Builder, environment: Environment) -> None:
    """Whatever writes channels or published content, every process notices."""
    before = await _version(make, environment)
    await make.rows(
        "UPDATE channels SET name = name || '!' WHERE id IN (SELECT id FROM channels LIMIT 1)"
        " RETURNING 1"
    )
    await make.rows(
        "INSERT INTO content_resources (environment_id, resource_type, key, draft, draft_sha,"
        " active, inserted_at, updated_at)"
        " VALUES (%s, 'workflow', 'versioned', '{}', 'x', true, now(), now()) RETURNING 1",
        environment.id,
    )
    made = await _version(make, environment)
    await make.rows(
        "UPDATE content_resources SET draft = '{\"name\": \"n\"}' WHERE key = 'versioned'"
        " AND environment_id = %s RETURNING 1",
        environment.id,
    )
    drafted = await _version(make, environment)
    await make.rows(
        "UPDATE content_resources SET active = false WHERE key = 'versioned'"
        " AND environment_id = %s RETURNING 1",
        environment.id,
    )
    assert made > before
    assert drafted == made
    assert await _version(make, environment) == made + 1
