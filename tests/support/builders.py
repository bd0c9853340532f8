"""Makes rows for tests; every test works in environments of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from domain.kit.ids import first_id_at, new_id
from domain.kit.principals import EnvironmentScope
from domain.kit.stored import content_sha
from domain.workflows import normalise_workflow
from runtime.database import Database
from runtime.tokens import hash_token, new_token

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
# No two environments of a database stand at one place; those of a seed come first.
_POSITIONS = itertools.count(1_000)


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment with its keys."""

    scope: EnvironmentScope
    secret_key: str
    public_key: str

    @property
    def id(self) -> UUID:
        """Return the id of the environment."""
        return self.scope.id


class Builder:
    """Inserts rows straight into the database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def insert(self, table: str, **values: Any) -> None:
        """Insert one row; dicts and lists of JSON columns are given as `Jsonb`."""
        columns = ", ".join(values)
        places = ", ".join(["%s"] * len(values))
        statement = f"INSERT INTO {table} ({columns}) VALUES ({places})"
        async with self.database.connection() as connection:
            await connection.execute(statement, list(values.values()))

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement and return its rows; none when it returns none."""
        async with self.database.connection() as connection:
            cursor = await connection.execute(statement, list(values))
            return await cursor.fetchall() if cursor.description else []

    async def environment(self) -> Environment:
        """Make an environment with a secret and a public key."""
        scope = EnvironmentScope(uuid4(), f"env-{uuid4().hex[:8]}")
        await self.insert(
            "environments",
            id=scope.id,
            slug=scope.slug,
            name="Test",
            position=next(_POSITIONS),
            enhanced_security=False,  # so a public key alone is enough
            inserted_at=T0,
            updated_at=T0,
        )
        secret = await self.api_key(scope, "secret")
        public = await self.api_key(scope, "public")
        return Environment(scope, secret, public)

    async def api_key(self, scope: EnvironmentScope, kind: str, **changes: Any) -> str:
        """Make an API key; `changes` may set `expires_at` or `revoked_at`."""
        token = new_token("k_")
        values = {
            "id": uuid4(),
            "environment_id": scope.id,
            "kind": kind,
            "name": kind,
            "token_hash": hash_token(token),
            "hint": token[-4:],
            "inserted_at": T0,
        }
        await self.insert("api_keys", **{**values, **changes})
        return token

    async def service_token(self) -> str:
        """Make a service token."""
        token = new_token("knock_st_")
        await self.insert(
            "service_tokens",
            id=uuid4(),
            name="ci",
            token_hash=hash_token(token),
            hint=token[-4:],
            inserted_at=T0,
        )
        return token

    async def channel(self, channel_type: str = "in_app_feed", **changes: Any) -> UUID:
        """Make a channel."""
        values = {
            "id": uuid4(),
            "key": f"channel-{uuid4().hex[:8]}",
            "name": "Channel",
            "channel_type": channel_type,
            "provider": "in_app_feed_knock" if channel_type == "in_app_feed" else "sandbox",
            "inserted_at": T0,
            "updated_at": T0,
        }
        values = {**values, **changes}
        await self.insert("channels", **values)
        return UUID(str(values["id"]))

    async def user(self, environment: Environment, user_id: str, **properties: Any) -> None:
        """Make a user."""
        await self.recipient(environment, "$users", user_id, **properties)

    async def recipient(
        self, environment: Environment, collection: str, recipient_id: str, **properties: Any
    ) -> None:
        """Make a recipient."""
        await self.insert(
            "recipients",
            environment_id=environment.id,
            collection=collection,
            id=recipient_id,
            properties=Jsonb(properties),
            inserted_at=datetime.now(UTC),
            updated_at=T0,
        )

    async def message(
        self, environment: Environment, channel_id: UUID, *, minute: int = 0, **changes: Any
    ) -> str:
        """Make an in-app message of user `ellie`; `minute` sets when it was inserted."""
        moment = T0 + timedelta(minutes=minute)
        values: dict[str, Any] = {
            "id": str(new_id()),
            "environment_id": environment.id,
            "channel_id": channel_id,
            "channel_type": "in_app_feed",
            "workflow_key": "welcome",
            "version_id": uuid4(),
            "step_ref": "feed_1",
            "categories": [],
            "collection": "$users",
            "recipient_id": "ellie",
            "actors": [],
            "data": {},
            "content": {"blocks": []},
            "delivery_status": "delivered",
            "provider_metadata": {},
            "retry_count": 0,
            "inserted_at": moment,
            "updated_at": moment,
        }
        values |= changes
        for name in ("actors", "data", "content", "provider_metadata", "recipient_snapshot"):
            if values.get(name) is not None:
                values[name] = Jsonb(values[name])
        await self.insert("messages", **values)
        return str(values["id"])

    async def workflow(
        self, environment: Environment, key: str, *, is_active: bool = True, **content: Any
    ) -> UUID:
        """Make a published workflow without steps and return its version's id."""
        document = normalise_workflow({"name": key, "steps": [], **content})
        sha = content_sha(document)
        version_id = uuid4()
        await self.insert(
            "content_versions",
            id=version_id,
            environment_id=environment.id,
            resource_type="workflow",
            key=key,
            content=Jsonb(document),
            sha=sha,
            inserted_at=T0,
        )
        await self.insert(
            "content_resources",
            environment_id=environment.id,
            resource_type="workflow",
            key=key,
            draft=Jsonb(document),
            draft_sha=sha,
            published_version_id=version_id,
            published_sha=sha,
            active=is_active,
            inserted_at=T0,
            updated_at=T0,
        )
        return version_id

    async def run(
        self, environment: Environment, *, minute: int = 0, data: Any = None, **changes: Any
    ) -> str:
        """Make a trigger with one recipient run, of user `ellie`, and return the run's id."""
        trigger_id = new_id()
        moment = T0 + timedelta(minutes=minute)
        actor_id = changes.pop("actor_id", None)
        await self.insert(
            "workflow_runs",
            id=trigger_id,
            environment_id=environment.id,
            workflow_key="welcome",
            version_id=uuid4(),
            actor_collection="$users" if actor_id else None,
            actor_id=actor_id,
            data=Jsonb(data or {}),
            settings=Jsonb({}),
            source=Jsonb({"type": "api"}),
            recipient_count=1,
            accepted_at=moment,
        )
        values = {
            # As the product makes it: with the time of the trigger in front.
            "id": str(UUID(int=first_id_at(moment).int | new_id().int % 2**80)),
            "environment_id": environment.id,
            "workflow_run_id": trigger_id,
            "workflow_key": "welcome",
            "version_id": uuid4(),
            "collection": "$users",
            "recipient_id": "ellie",
            "status": "completed",
            "error_count": 0,
            "event_count": 0,
            "step_outcomes": Jsonb({}),
            "inserted_at": moment,
            "updated_at": moment,
            **changes,
        }
        await self.insert("recipient_runs", **values)
        return str(values["id"])
