"""The filters `user`, `object` and `tenant`: people and things that a template names by id.

Rendering is plain computing and cannot wait for a database. So a filter that meets an id for the
first time notes what it wants and gives nothing; whoever renders fetches what was noted and
renders again (`services.recipients.lookups`), until nothing new is wanted.

Source: Knock docs, "Liquid helpers" (a template may load any entity of its environment).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from liquid.filter import with_context

from domain.kit.json_types import JsonObject
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from templating.limits import LiquidError
from templating.liquid.printing import to_text

if TYPE_CHECKING:
    from templating.liquid.render_context import BudgetedContext

MAX_LOOKUPS = 25


class Lookups:
    """What templates of one message may look up.

    Args:
        known: what was fetched, None for an id that nobody has.

    Attributes:
        wanted: what was asked for and is not known.
    """

    def __init__(self, known: Mapping[RecipientRef, JsonObject | None] | None = None) -> None:
        self._known = known or {}
        self.wanted: set[RecipientRef] = set()

    def find(self, ref: RecipientRef) -> JsonObject | None:
        """Return an entity; None when there is none, or when it has to be fetched first.

        Raises LiquidError for more than 25 entities.
        """
        if ref in self._known:
            return self._known[ref]
        if len(self._known) + len(self.wanted | {ref}) > MAX_LOOKUPS:
            raise LiquidError(f"A message may look up at most {MAX_LOOKUPS} users and objects.")
        self.wanted.add(ref)
        return None


@with_context
def user(value: object, *, context: BudgetedContext) -> JsonObject | None:
    """Return the user of an id, with all properties; nothing when there is none."""
    return _find(context, USERS, value)


@with_context
def tenant(value: object, *, context: BudgetedContext) -> JsonObject | None:
    """Return the tenant of an id; nothing when there is none."""
    return _find(context, TENANTS, value)


@with_context
def find_object(
    value: object, collection: object, *, context: BudgetedContext
) -> JsonObject | None:
    """Return the object of an id in a collection; nothing when there is none."""
    return _find(context, to_text(collection), value)


def _find(context: BudgetedContext, collection: str, value: object) -> JsonObject | None:
    key = "" if isinstance(value, (dict, list, tuple)) else to_text(value)
    if not key or not collection:
        return None
    if context.lookups is None:
        raise LiquidError("Users and objects cannot be looked up here.")
    return context.lookups.find(RecipientRef(collection, key))


LOOKUP_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("object", find_object),
    ("tenant", tenant),
    ("user", user),
)
