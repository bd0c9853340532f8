"""Archives content of the kinds that leave nothing behind but their versions."""

from __future__ import annotations

from domain.content.kinds import KINDS
from domain.kit.errors import NotFound
from domain.kit.principals import EnvironmentScope
from services.content.drafts import archive_content
from services.engine import Engine


async def archive(
    engine: Engine, environment: EnvironmentScope | None, resource_type: str, key: str
) -> None:
    """Take a piece of content out of every environment for good; its key is never free again.

    An archived workflow is triggered no more, and its runs end at their next step; an archived
    guide is seen no more. Layouts, partials, reusable requests and translations stay in use by what
    was committed with them.

    Raises:
        NotFound: this environment has no such content, or without one none has; or there is no
            such type.
    """
    kind = KINDS.get(resource_type)
    if kind is None:
        raise NotFound(f"There is no content of the type {resource_type[:64]!r}.")
    async with engine.unit() as unit:
        await archive_content(unit, environment, kind, key)
