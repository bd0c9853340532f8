"""Reads what a page listens to: which feed or guides, for whom, with which filters.

The same holds as for the requests by which it reads them (Knock docs: "Security and
authentication"): the user token has to be that user's, and to allow it.
"""

from __future__ import annotations

from typing import Any

from api.kit.auth import check_user, not_granted
from api.kit.lists import filter_parameters, read_filters
from api.kit.query_strings import Query
from api.kit.strings import known_id, known_uuid
from api.knock.guides.guides import data_of
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import Principal
from domain.kit.user_tokens import Ability
from domain.messages.filters import FeedFilters
from domain.realtime.news import FeedTopic
from services.realtime.feeds import InstanceName

# The client has one for each feed component of a page.
_MOST_INSTANCES = 25
# What clients say of a feed: its filters, and what counts for its list only.
_OPTIONS = frozenset(
    {
        *(name.removesuffix("[]") for name in filter_parameters(FeedFilters)),
        *("mode", "locale", "inserted_at_date_range"),
    }
)
# Knock's client for Android writes these as they are named in its code, in capitals.
_WORDS = ("status", "archived")


def read_feed_join(
    principal: Principal, name: str, payload: JsonValue
) -> tuple[FeedTopic, dict[InstanceName, FeedFilters]]:
    """Read which feed a page listens to, and the filters of each instance of it.

    Args:
        principal: who asks.
        name: `{channel_id}:{user_id}`; the id of a user may have colons in it.
        payload: what the client calls each instance, with its options; or the options of the only
            one, as mobile and older clients write it. Options that are no filters count for
            nothing.

    Raises:
        NotFound, InvalidParams, Unauthenticated, Forbidden: as the list of the feed's items does.
    """
    channel_id, _, user_id = name.partition(":")
    channel = known_uuid(channel_id, "There is no in-app feed channel with this id.")
    topic = FeedTopic(principal.environment.id, channel, known_id(user_id))
    within = None
    if principal.user_token is not None:
        check_user(principal.user_token, Ability.FEED_READ, topic.user_id)
        within = principal.user_token.tenants(Ability.FEED_READ)
    filters = {}
    for instance, options in _instances(_object(payload, "payload")).items():
        query = Query.of_members(options)
        filters[instance] = read_filters(query, FeedFilters, within=within)
        if within is not None and not within.covers(filters[instance].tenant):
            raise not_granted(Ability.FEED_READ)
    return topic, filters


def _instances(payload: JsonObject) -> dict[InstanceName, JsonObject]:
    """Return the options of each instance of a feed, by the client's name for it.

    Source: the clients for JavaScript since 0.14, which name theirs `client_…`; those before, and
    those for Swift, Android and Flutter, which send the options of one by themselves.
    """
    if not payload or not _OPTIONS.isdisjoint(payload):
        written = {name: payload.get(name) for name in _WORDS}
        words = {name: word.lower() for name, word in written.items() if isinstance(word, str)}
        return {None: {**payload, **words}}
    if len(payload) > _MOST_INSTANCES:
        raise InvalidParams.of("payload", f"must have at most {_MOST_INSTANCES} instances")
    return {name: _object(options, name) for name, options in payload.items()}


def read_guides_join(principal: Principal, name: str, payload: JsonValue) -> dict[str, Any]:
    """Read which guides a page listens to, and for whom; returns members of a `GuideListener`.

    Args:
        principal: who asks.
        name: the id of the channel.
        payload: `user_id`; perhaps `tenant` and `data` for targeting and templates.

    Raises:
        NotFound, InvalidParams, Unauthenticated, Forbidden: as the list of the user's guides does.
    """
    query = Query.of_members(_object(payload, "payload"))
    user_id = known_id(query.text("user_id") or "")
    if principal.user_token is not None:
        check_user(principal.user_token, Ability.GUIDE_READ, user_id)
    return {
        "environment": principal.environment,
        "channel_id": known_uuid(name, "There is no guide channel with this id."),
        "user_id": user_id,
        "tenant_id": query.text("tenant"),
        "data": data_of(query),
    }


def _object(value: JsonValue, field: str) -> JsonObject:
    if not isinstance(value, dict):
        raise InvalidParams.of(field, "must be a JSON object")
    return value
