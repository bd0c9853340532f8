"""Links by which a recipient takes no more commercial messages.

Source: Knock docs, "Commercial unsubscribe"; RFC 8058.
"""

from __future__ import annotations

from uuid import UUID

from domain.preferences.names import COMMERCIAL, DEFAULT_SET
from domain.preferences.rows import NewSet, Persistence
from domain.recipients.refs import RecipientRef
from models.queries.preferences.sets import write_preference_sets
from models.queries.recipients.recipients import hold_recipient
from services.engine import Engine
from services.preferences.links import Link, open_link, seal_link
from services.waits.changes import tell_of_updates

PATH = "/unsubscribe"
_PURPOSE = "commercial_unsubscribe"


def unsubscribe_url(engine: Engine, environment_id: UUID, ref: RecipientRef) -> str:
    """Make a link for a recipient; each time another one that does the same."""
    token = seal_link(engine, _PURPOSE, Link(environment_id, ref))
    return f"{engine.settings.public_address}{PATH}/{token}"


def check_link(engine: Engine, token: str) -> None:
    """Tell whether a link is one of ours, and change nothing.

    Raises:
        NotFound: it is not, or not a whole one.
        UnknownKey: it was sealed with a key that this process does not have.
    """
    open_link(engine, _PURPOSE, token)


async def unsubscribe(engine: Engine, token: str) -> None:
    """Let the recipient of a link take no more commercial messages; its other wishes stay.

    Who was deleted since gets none anyway, and whoever has the id now has not asked for it.

    Raises:
        NotFound: the link is not one of ours.
        UnknownKey: it was sealed with a key that this process does not have.
    """
    link = open_link(engine, _PURPOSE, token)
    wish = NewSet(link.ref.collection, link.ref.id, DEFAULT_SET, {COMMERCIAL: False})
    async with engine.unit() as unit:
        found = await hold_recipient(unit.connection, link.environment_id, link.ref)
        if found is None or not link.is_for(found):
            return
        changed = await write_preference_sets(
            unit.connection, link.environment_id, [wish], how=Persistence.MERGE, now=unit.now
        )
        await tell_of_updates(unit, link.environment_id, changed)
