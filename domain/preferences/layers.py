"""Several preference sets make one: defaults lie below, what the recipient says lies above.

Source: Knock docs, "Preferences overview" (merging), "Tenant preferences" (evaluation rules, the
strategy `replace`), "Commercial unsubscribe". Stored sets are read as they are: a value of an
unexpected form has no say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

from domain.kit.json_types import JsonObject, JsonValue
from domain.preferences.names import CHANNEL_TYPES, COMMERCIAL, DEFAULT_SET, REPLACE, STRATEGY

# Whoever said nothing gets everything.
_SYSTEM: JsonObject = {"channel_types": dict.fromkeys(CHANNEL_TYPES, True)}


def laid_over(below: JsonObject, above: JsonObject) -> JsonObject:
    """Lay one set over another: what it says wins, member by member.

    Objects are merged; flags, and lists of conditions as a whole, replace what is below. An object
    below whose strategy is `replace` stays as it is, and keeps the mark for the next set. Null
    says nothing.
    """
    result = dict(below)
    for name, value in above.items():
        lower = result.get(name)
        if value is None or (isinstance(lower, dict) and lower.get(STRATEGY) == REPLACE):
            continue
        if isinstance(value, dict):
            value = laid_over(lower if isinstance(lower, dict) else {}, value)
        result[name] = value
    return result


def merged(*sets: JsonObject | None) -> JsonObject:
    """Lay sets over one another, the lowest first, without what is null in them."""
    empty: JsonObject = {}
    return reduce(laid_over, (one for one in sets if one is not None), empty)


@dataclass(frozen=True, slots=True)
class Layers:
    """The sets that may have a say in what a recipient gets.

    Attributes:
        environment: the default of the environment.
        tenant_id: on whose behalf, or None.
        tenant: the default of that tenant.
        own: the recipient's, by id of the set.
    """

    environment: JsonObject | None = None
    tenant_id: str | None = None
    tenant: JsonObject | None = None
    own: Mapping[str, JsonObject] = field(default_factory=dict)

    @property
    def set_id(self) -> str:
        """Return which of the recipient's sets counts.

        It is that of the tenant as soon as tenant or recipient have said anything for it, be it
        an empty set; then the recipient's `default` is not looked at.
        """
        tenant_id = self.tenant_id
        if tenant_id is not None and (self.tenant is not None or tenant_id in self.own):
            return tenant_id
        return DEFAULT_SET

    def named(self) -> dict[str, JsonObject]:
        """Return those of the sets that count and say something, by layer, the lowest first."""
        layers = {
            "environment": self.environment,
            "tenant": None if self.set_id == DEFAULT_SET else self.tenant,
            "recipient": self.own.get(self.set_id),
        }
        return {name: said for name, said in layers.items() if said}

    def resolved(self) -> JsonObject:
        """Return what counts for the recipient, where anything is said at all."""
        return merged(*self.named().values())

    def complete(self) -> JsonObject:
        """Return what counts for the recipient, with what holds where nothing is said."""
        said = self.resolved()
        return {"id": self.set_id, **(laid_over(_SYSTEM, said) if said else _SYSTEM)}

    def commercial(self) -> JsonValue:
        """Return whether the recipient takes commercial messages; None when nobody has said it.

        What it said itself, in its `default` set, beats all defaults, also on behalf of a tenant.
        """
        own = self.own.get(DEFAULT_SET, {}).get(COMMERCIAL)
        return own if own is not None else merged(self.environment, self.tenant).get(COMMERCIAL)
