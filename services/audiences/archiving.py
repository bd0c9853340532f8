"""Archives audiences, with all their members."""

from __future__ import annotations

from domain.content.audience import AUDIENCE
from domain.kit.principals import EnvironmentScope
from models.queries.audiences.builds import drop_builds
from models.queries.audiences.members import remove_everybody
from runtime.database import take_long
from services.content.drafts import archive_content
from services.engine import Engine


async def archive_audience(engine: Engine, environment: EnvironmentScope, key: str) -> None:
    """Take an audience out of every environment for good, and everybody out of it.

    Raises:
        NotFound: this environment has no such audience.
    """
    async with engine.unit() as unit:
        await archive_content(unit, environment, AUDIENCE, key)
        # A comparison that is at it is waited for; nobody adds a member after it.
        await drop_builds(unit.connection, key)
        await take_long(unit.connection)
        await remove_everybody(unit.connection, key)
