"""What a user token lets a browser do, beside what its public key does.

Source: Knock docs, "Security and authentication"; the token signer and the grants of Knock's Node
SDK. Names of resources in grants are URLs of Knock's own server, whatever server they are for, so
only their paths count.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from domain.kit.ids import MAX_ID_CHARACTERS, NOT_IN_USER_IDS
from domain.kit.json_types import JsonObject
from domain.kit.storable import storable_text

# How far the clock of the server that signs may be from ours.
LEEWAY = timedelta(seconds=60)


class Ability(StrEnum):
    """What a grant allows."""

    USER_READ = "user/read"
    USER_WRITE = "user/write"
    FEED_READ = "user/feed_read"
    FEED_WRITE = "user/feed_write"
    GUIDE_READ = "user/guide_read"
    GUIDE_WRITE = "user/guide_write"
    PREFERENCES_READ = "preferences/read"
    PREFERENCES_WRITE = "preferences/write"
    CHANNEL_DATA_READ = "channel_data/read"
    CHANNEL_DATA_WRITE = "channel_data/write"
    SLACK_CHANNELS_READ = "slack/channels_read"
    MS_TEAMS_CHANNELS_READ = "ms_teams/channels_read"


# Other names that Knock's documentation uses in its examples.
_SYNONYMS = {
    "feed/read": Ability.FEED_READ,
    "user_feed/read": Ability.FEED_READ,
    "feed/write": Ability.FEED_WRITE,
    "user_feed/write": Ability.FEED_WRITE,
}
# What a user does within a tenant. A grant of one of them for a tenant keeps the user to those
# tenants; to see the channels of a tenant's Slack says nothing of the user's own feed.
_WITHIN_TENANTS = frozenset(
    {
        Ability.FEED_READ,
        Ability.FEED_WRITE,
        Ability.PREFERENCES_READ,
        Ability.PREFERENCES_WRITE,
    }
)
_TENANT = "objects/$tenants/"


class WrongClaims(ValueError):
    """The claims of a token do not let anybody in; the message says why."""


@dataclass(frozen=True, slots=True)
class TenantScope:
    """The tenants within which a token reaches something; with or without what has no tenant."""

    tenant_ids: frozenset[str]
    with_none: bool

    def covers(self, tenant_id: str | None) -> bool:
        """Tell whether something of this tenant, or of none, may be reached."""
        return self.with_none if tenant_id is None else tenant_id in self.tenant_ids


@dataclass(frozen=True, slots=True)
class UserToken:
    """A token whose signature was checked.

    Attributes:
        user_id: in whose name it speaks.
        is_explicit: whether it can do nothing but what it grants.
        grants: abilities by resource, for example `users/ellie` or `objects/$tenants/ingen`.
    """

    user_id: str
    is_explicit: bool = False
    grants: Mapping[str, frozenset[Ability]] = field(default_factory=dict)

    def may_for_user(self, ability: Ability, user_id: str) -> bool:
        """Tell whether it can do something for a user, within some tenant or without any."""
        if user_id != self.user_id:
            return False
        scope = self.tenants(ability)
        return scope is None or scope.with_none or bool(scope.tenant_ids)

    def may_for_object(self, ability: Ability, collection: str, object_id: str) -> bool:
        """Tell whether it can do something for an object or a tenant: that has to be granted."""
        return ability in self.grants.get(f"objects/{collection}/{object_id}", ())

    def tenants(self, ability: Ability) -> TenantScope | None:
        """Return within which tenants it can do something for its user; None for all of them.

        As soon as it grants something within a tenant, it is kept to the tenants that it names, and
        what has no tenant has to be granted for the user; with explicit grants everything has to
        """
        for_user = ability in self.grants.get(f"users/{self.user_id}", ())
        by_tenant = {
            resource.removeprefix(_TENANT): abilities
            for resource, abilities in self.grants.items()
            if resource.startswith(_TENANT) and not _WITHIN_TENANTS.isdisjoint(abilities)
        }
        if ability in _WITHIN_TENANTS and by_tenant:
            granted = frozenset(
                key for key, found in by_tenant.items() if ability in found or not self.is_explicit
            )
            return TenantScope(granted, with_none=for_user)
        if self.is_explicit and not for_user:
            return TenantScope(frozenset(), with_none=False)
        return None


def read_claims(claims: JsonObject, now: datetime) -> UserToken:
    """Read the claims of a token whose signature is good.

    Args:
        claims: `sub`; perhaps `exp`, `nbf` and `iat` in seconds, `grants`, `explicit_grants`.
        now: the time.

    Raises:
        WrongClaims: it has expired, is not valid yet, names nobody, or grants something for what
            nobody can name.
    """
    user_id = claims.get("sub")
    if not isinstance(user_id, str) or not _can_be_user(user_id):
        raise WrongClaims("It names no user: `sub` must be the id of a user.")
    expires_at, issued_at, begins_at = (_seconds(claims, name) for name in ("exp", "iat", "nbf"))
    earliest, latest = (now - LEEWAY).timestamp(), (now + LEEWAY).timestamp()
    if expires_at is not None and expires_at <= earliest:
        raise WrongClaims("It has expired.")
    if any(begin is not None and begin > latest for begin in (issued_at, begins_at)):
        raise WrongClaims("It is not valid yet.")
    return UserToken(user_id, claims.get("explicit_grants") is True, _grants(claims.get("grants")))


def _seconds(claims: JsonObject, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer may have more digits than a double can hold.
    if not is_number or not abs(value) <= sys.float_info.max:
        raise WrongClaims(f"`{name}` must be a number of seconds.")
    return float(value)


def _can_be_user(text: str) -> bool:
    """Tell whether a user can have such an id; the token's own is trusted wherever it is used."""
    has_size = 0 < len(text) <= MAX_ID_CHARACTERS
    return has_size and _can_be_stored(text) and set(text).isdisjoint(NOT_IN_USER_IDS)


def _can_be_stored(text: str) -> bool:
    """Tell whether PostgreSQL can be asked for a text: it was decoded from JSON and may be any."""
    return storable_text(text) == text


def _grants(given: Any) -> dict[str, frozenset[Ability]]:
    """Read grants by resource; names that we do not know grant nothing."""
    grants: dict[str, frozenset[Ability]] = {}
    for uri, abilities in given.items() if isinstance(given, dict) else ():
        names = map(_ability, abilities if isinstance(abilities, dict) else ())
        found = frozenset(ability for ability in names if ability is not None)
        for resource in _resources(uri):
            # To pass over a tenant would let in somebody who is kept to it.
            if not _can_be_stored(resource):
                raise WrongClaims("It grants something for what cannot exist.")
            grants[resource] = grants.get(resource, frozenset()) | found
    return grants


def _ability(name: str) -> Ability | None:
    try:
        return _SYNONYMS.get(name) or Ability(name)
    except ValueError:
        return None


def _resources(uri: str) -> set[str]:
    """Return what a URI names: as it is written, and with what may be escaped in it unescaped."""
    # Not all of it is a URL: ids are put into it as they are, with `?` and `#` perhaps.
    _, _, rest = uri.partition("://")
    path = rest.partition("/")[2] if rest else uri.lstrip("/")
    path = path.removeprefix("v1/")
    if path.startswith("tenants/"):
        path = _TENANT + path.removeprefix("tenants/")
    return {path, unquote(path)}
