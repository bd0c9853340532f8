"""Runs that fetch: a server on loopback, and the attempts that their directives ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from domain.content.reusable_request import REUSABLE_REQUEST
from domain.contract.runs import Advanced, Fetch, SleepUntil
from domain.kit.json_types import JsonObject
from services.runs.fetches import make_attempt
from tests.providers.servers import HttpServer, serving
from tests.support.content import note, save_content
from tests.support.steps import fetch_step
from tests.support.world import World, channel_step

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Fetching:
    """A world that may call a server on loopback."""

    world: World
    server: HttpServer

    async def send(self, answer: bytes, *more: Any, **settings: Any) -> tuple[str, Advanced]:
        """Begin a run that fetches what the server answers."""
        return await self.send_step(answer, fetch_step(**settings), *more)

    async def send_step(
        self, answer: bytes, step: JsonObject, *more: Any, **data: Any
    ) -> tuple[str, Advanced]:
        """Begin a run that takes a step which fetches what the server answers."""
        self.server.replies["/x"] = answer
        return await self.world.send(
            step, *more, channel_step("feed"), data={"url": f"{self.server.url}/x", **data}
        )

    async def attempt(self, run_id: str, advanced: Advanced) -> Advanced:
        """Make the attempt that a directive asks for, when it is due, and walk on."""
        if isinstance(advanced.next, SleepUntil):
            self.world = self.world.at(datetime.fromtimestamp(advanced.next.until, UTC))
            advanced = await self.world.walk(run_id, advanced.cursor)
        assert isinstance(advanced.next, Fetch), advanced
        await make_attempt(self.world.engine, advanced.next.attempt)
        return await self.world.walk(run_id, advanced.cursor)

    async def fetch(self, answer: bytes, **settings: Any) -> tuple[str, Advanced]:
        """Begin a run, and make its first attempt."""
        run_id, advanced = await self.send(answer, **settings)
        return run_id, await self.attempt(run_id, advanced)

    async def data(self, run_id: str) -> Any:
        """Return the data that the message of a run kept."""
        (message,) = await self.world.messages(run_id)
        return message["data"]

    async def publish_request(self, key: str, document: JsonObject) -> None:
        """Commit a reusable request."""
        slug = self.world.environment.scope.slug
        await save_content(
            self.world.engine, slug, REUSABLE_REQUEST, key, document, commit=note(), force=True
        )


@asynccontextmanager
async def fetching_in(world: World) -> AsyncIterator[Fetching]:
    """Serve on loopback, and let the engine call there; its clock stands still."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    async with serving(HttpServer({})) as server:
        open_world = world.with_parts(settings=settings).at(NOW)
        yield Fetching(open_world, server)
        await open_world.engine.providers.close()
