"""Archives guides."""

from __future__ import annotations

from domain.content.guide import GUIDE
from domain.kit.principals import EnvironmentScope
from services.content.drafts import archive_content
from services.engine import Engine


async def archive_guide(engine: Engine, environment: EnvironmentScope, key: str) -> None:
    """Take a guide out of every environment for good; nobody sees it any more.

    Raises:
        NotFound: this environment has no such guide.
    """
    async with engine.unit() as unit:
        await archive_content(unit, environment, GUIDE, key)
