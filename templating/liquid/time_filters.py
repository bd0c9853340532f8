"""Filters for dates and times: `timezone` and `date` (Knock docs: "Liquid helpers")."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from liquid.filter import with_context

from domain.kit.zones import first_zone, zone_named
from templating.liquid.moments import read_moment
from templating.liquid.printing import is_nothing, to_text
from templating.liquid.render_context import BudgetedContext

_MAX_FORMAT = 256
_OWN_DIRECTIVES = re.compile(r"%(%|s|L|P|Z)")


def find_zone(name: object, context: BudgetedContext) -> ZoneInfo:
    """Return the IANA time zone; for nothing and for an unknown name the default one.

    A recipient may have no time zone, or a wrong one, and must be told the time all the same, in
    the zone by which their send windows open. A wrong name in a template itself is refused when it
    is saved.
    """
    default = None if context.lookups is None else context.lookups.library.zone
    return zone_named(first_zone(to_text(name), default))


@with_context
def timezone(value: object, zone: object = None, *, context: BudgetedContext) -> str:
    """Move a moment to a time zone, as ISO 8601 with offset; anything else stays as it is."""
    moment = read_moment(value)
    if moment is None:
        return to_text(value)
    return moment.astimezone(find_zone(zone, context)).isoformat()


@with_context
def date(
    value: object, pattern: object = None, zone: object = None, *, context: BudgetedContext
) -> str:
    """Write a moment by a strftime pattern, first moved to the zone when one is given."""
    moment = read_moment(value)
    if moment is None or is_nothing(pattern):
        return to_text(value)
    if not is_nothing(zone):
        moment = moment.astimezone(find_zone(zone, context))
    layout = to_text(pattern)
    if len(layout) > _MAX_FORMAT:
        raise ValueError(f"a date format may have at most {_MAX_FORMAT} characters")
    zone_name = moment.tzname() or ""
    if zone_name.startswith("UTC") and zone_name != "UTC":
        zone_name = moment.isoformat()[-6:]  # an offset has no name, and Python makes one up
    own = {
        "%": "%%",
        "s": str(int(moment.timestamp())),  # that of the C library ignores the offset
        "L": f"{moment.microsecond // 1000:03d}",  # known to Ruby and Elixir only
        "P": "am" if moment.hour < 12 else "pm",  # not in every C library
        "Z": zone_name,
    }
    return moment.strftime(_OWN_DIRECTIVES.sub(lambda match: own[match[1]], layout))


TIME_FILTERS: tuple[tuple[str, Callable[..., Any]], ...] = (("timezone", timezone), ("date", date))
