"""What a process refuses before it opens anything, and what it ends when it stops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.kit.errors import AppError
from runtime.settings import DEVELOPMENT_SECRET_KEY, Settings
from services.composition import close_engine, open_engine
from services.engine import Engine

OWN = "a key of our own which is long enough"


async def _opens(settings: Settings) -> bool:
    try:
        async with open_engine(settings, process="test", lazy=True):
            return True
    except AppError as error:
        assert "CARILLON_SECRET_KEY" in str(error)  # noqa: PT017 - what it says is the point
        return False


@pytest.mark.parametrize(
    ("changes", "opens"),
    [
        ({"api_host": "0.0.0.0"}, False),
        ({"api_host": "::"}, False),
        ({"api_host": "api.example.org"}, False),
        ({"api_host": "127.0.0.1"}, True),
        ({"api_host": "localhost"}, True),
        ({"api_host": "::1"}, True),
        ({"api_host": "::", "allow_private_egress": True}, True),
        ({"api_host": "::", "secret_key": OWN}, True),
        ({"api_host": "::", "secret_key": f"{OWN},{DEVELOPMENT_SECRET_KEY}"}, True),
        ({"api_host": "::", "secret_key": f"{DEVELOPMENT_SECRET_KEY},{OWN}"}, False),
    ],
)
async def test_the_public_key_encrypts_on_development_machines_only(
    settings: Settings, changes: dict[str, Any], opens: bool
) -> None:
    """Elsewhere a process with it refuses to start; to decrypt only, it may stay for a while."""
    given = {**settings.model_dump(), **changes}
    assert await _opens(Settings.model_validate(given)) is opens


async def _never() -> None:
    await asyncio.Event().wait()


async def test_a_process_that_stops_ends_what_nobody_waits_for(engine: Engine) -> None:
    """Releases, and what runs are told that wait for events; the sweep does the rest."""
    telling = asyncio.create_task(_never())
    engine.waits_under_way.tasks.add(telling)
    release = engine.releases_under_way.begin(_never())
    await close_engine(engine)
    assert telling.cancelled()
    assert release.cancelled()
