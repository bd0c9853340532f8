"""Bulk operations that set preferences: the same set for many users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.bulk.operations import BulkItem, OpenBulk
from domain.bulk.requests import BulkSetPreferencesIn, named
from domain.kit.errors import InvalidParams
from domain.kit.json_types import encoded_size
from domain.kit.principals import EnvironmentScope
from domain.preferences.rows import MAX_SET_BYTES, TOO_LARGE, Persistence
from domain.recipients.refs import USERS
from services.bulk.accept import BulkView, accept_items, items_of
from services.bulk.items import ItemKind
from services.engine import Engine, Unit
from services.preferences.sets import write_sets

SET_PREFERENCES = "users.set_preferences"


async def set_preferences(
    engine: Engine, environment: EnvironmentScope, given: BulkSetPreferencesIn
) -> BulkView:
    """Set a preference set of users, of each as `write_set` does.

    Raises:
        InvalidParams: the set has more than 256 kB, so it would fail for everybody.
    """
    wanted = given.preferences
    content = wanted.content()
    if encoded_size(content) > MAX_SET_BYTES:
        raise InvalidParams.of("preferences", TOO_LARGE)
    return await accept_items(
        engine,
        environment,
        SET_PREFERENCES,
        items_of(given.user_ids, lambda entry: named(entry, USERS)),
        set_id=wanted.id,
        content=content,
        how=wanted.persistence or Persistence.REPLACE,
    )


async def _set(unit: Unit, operation: OpenBulk, items: Sequence[BulkItem]) -> Mapping[int, str]:
    users = dict.fromkeys(named(item.content, USERS) for item in items)
    settings = operation.settings
    how = Persistence(settings["how"])
    await write_sets(
        unit, operation.scope, list(users), settings["set_id"], settings["content"], how=how
    )
    return {}


KINDS = {SET_PREFERENCES: ItemKind(_set)}
