"""The filters `user`, `object`, `tenant`, `subscriptions`: what a template names by id.

Rendering is plain computing and cannot wait for a database. So a filter that meets an id for the
first time notes what it wants and gives nothing; whoever renders fetches what was noted and
renders again (`services.recipients.lookups`), until nothing new is wanted.

Source: Knock docs, "Liquid helpers" (a template may load any entity of its environment).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from liquid.filter import with_context

from domain.kit.json_types import JsonObject
from domain.recipients.refs import TENANTS, RecipientRef
from templating.limits import LiquidError
from templating.liquid.printing import to_text

if TYPE_CHECKING:
    from templating.liquid.render_context import BudgetedContext

MAX_LOOKUPS = 25


@dataclass(frozen=True, slots=True)
class SubscriptionsOf:
    """What a user follows."""

    user_id: str


# What can be looked up: a recipient, which is an object of JSON, or subscriptions, a list of them.
Lookup: TypeAlias = RecipientRef | SubscriptionsOf
Found: TypeAlias = JsonObject | list[JsonObject] | None


class Lookups:
    """What templates of one message may look up.

    Args:
        known: what was fetched, None for an id that nobody has.

    Attributes:
        wanted: what was asked for and is not known.
    """

    def __init__(self, known: Mapping[Lookup, Found] | None = None) -> None:
        self._known = known or {}
        self.wanted: set[Lookup] = set()

    def find(self, wanted: Lookup) -> Found:
        """Return what was looked up; None when there is nothing, or when it is still to be fetched.

        Raises LiquidError for more than 25 look-ups.
        """
        if wanted in self._known:
            return self._known[wanted]
        if len(self._known) + len(self.wanted | {wanted}) > MAX_LOOKUPS:
            raise LiquidError(
                f"A message may look up at most {MAX_LOOKUPS} users, objects and subscriptions."
            )
        self.wanted.add(wanted)
        return None


@with_context
def user(value: object, *, context: BudgetedContext) -> Found:
    """Return the user of an id, with all properties; nothing when there is none."""
    return _find(context, value, RecipientRef.user)


@with_context
def tenant(value: object, *, context: BudgetedContext) -> Found:
    """Return the tenant of an id; nothing when there is none."""
    return _find(context, value, lambda key: RecipientRef(TENANTS, key))


@with_context
def find_object(value: object, collection: object, *, context: BudgetedContext) -> Found:
    """Return the object of an id in a collection; nothing when there is none."""
    name = to_text(collection)
    return _find(context, value, lambda key: RecipientRef(name, key)) if name else None


@with_context
def subscriptions(value: object, *, context: BudgetedContext) -> Found:
    """Return what the user of an id follows: a list of `object` and `properties`, newest first."""
    return _find(context, value, SubscriptionsOf)


def _find(context: BudgetedContext, value: object, lookup: Callable[[str], Lookup]) -> Found:
    key = "" if isinstance(value, (dict, list, tuple)) else to_text(value)
    if not key:
        return None
    if context.lookups is None:
        raise LiquidError("Users, objects and subscriptions cannot be looked up here.")
    return context.lookups.find(lookup(key))


LOOKUP_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("object", find_object),
    ("subscriptions", subscriptions),
    ("tenant", tenant),
    ("user", user),
)
