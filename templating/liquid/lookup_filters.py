"""The filters `user`, `object`, `tenant`, `subscriptions`: what a template names by id.

Source: Knock docs, "Liquid helpers" (a template may load any entity of its environment).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from liquid.filter import with_context

from domain.recipients.refs import TENANTS, RecipientRef
from templating.limits import LiquidError
from templating.liquid.lookups import Found, Lookup, SubscriptionsOf
from templating.liquid.printing import to_text
from templating.liquid.render_context import BudgetedContext


@with_context
def user(value: object, *, context: BudgetedContext) -> Found:
    """Return the user with this id, with all properties; nothing when there is none."""
    return _find(context, value, RecipientRef.user)


@with_context
def tenant(value: object, *, context: BudgetedContext) -> Found:
    """Return the tenant with this id; nothing when there is none."""
    return _find(context, value, lambda key: RecipientRef(TENANTS, key))


@with_context
def find_object(value: object, collection: object, *, context: BudgetedContext) -> Found:
    """Return the object with this id in a collection; nothing when there is none."""
    name = to_text(collection)
    return _find(context, value, lambda key: RecipientRef(name, key)) if name else None


@with_context
def subscriptions(value: object, *, context: BudgetedContext) -> Found:
    """Return what the user with this id follows, newest first: `object` and `properties`."""
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
