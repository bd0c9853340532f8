"""What the templates of one message look up by id.

Rendering is plain computing and cannot wait for a database. So a filter that meets an id for the
first time notes what it wants and gives nothing; whoever renders fetches what was noted and
renders again (`services.recipients.lookups`), until nothing new is wanted.

Source: Knock docs, "Liquid helpers" (a template may load any entity of its environment).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from templating.limits import LiquidError
from templating.liquid.library import NO_LIBRARY, Library

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
        library: what they may use by name.

    Attributes:
        wanted: what was asked for and is not known.
        styles: where partials leave their style sheets, in order, for the head of the document;
            None where there is no such head, and they stay where they are.
    """

    def __init__(
        self, known: Mapping[Lookup, Found] | None = None, library: Library = NO_LIBRARY
    ) -> None:
        self._known = known or {}
        self.library = library
        self.wanted: set[Lookup] = set()
        self.styles: dict[str, None] | None = None

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
