"""What user tokens allow, and when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.user_tokens import Ability, TenantScope, UserToken, WrongClaims, read_claims
from tests.support.builders import T0
from tests.support.user_tokens import granted

NOW = int(T0.timestamp())
ABILITIES = st.sampled_from(list(Ability))


def _read(**claims: Any) -> UserToken:
    return read_claims({"sub": "ellie", **claims}, T0)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": NOW + 1},
        {"exp": NOW - 59},
        {"exp": NOW - 59.5},
        {"iat": NOW + 60},
        {"nbf": NOW - 5, "iat": NOW - 5, "exp": NOW + 5, "jti": "1", "aud": "x", "iss": "y"},
        {"exp": None},
    ],
)
def test_a_token_is_good_within_its_time_and_a_minute_around_it(claims: dict[str, Any]) -> None:
    """Clocks differ, so a minute is let pass; no claim but `sub` is needed."""
    assert _read(**claims).user_id == "ellie"


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 60},
        {"exp": 0},
        {"iat": NOW + 61},
        {"nbf": NOW + 61},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"iat": float("inf")},
        {"exp": []},
        {"sub": ""},
        {"sub": None},
        {"sub": 7},
    ],
)
def test_other_tokens_let_nobody_in(claims: dict[str, Any]) -> None:
    """What has expired, is not valid yet, names nobody, or says so in no number, is refused."""
    with pytest.raises(WrongClaims):
        _read(**claims)


@given(ABILITIES)
def test_without_grants_a_user_may_do_everything_for_themselves(ability: Ability) -> None:
    """Nobody else, and no object: those have to be granted."""
    token = _read()
    assert token.may_for_user(ability, "ellie")
    assert not token.may_for_user(ability, "alan")
    assert not token.may_for_object(ability, "$tenants", "ingen")


@given(ABILITIES, ABILITIES)
def test_with_explicit_grants_a_user_may_do_what_is_granted(one: Ability, other: Ability) -> None:
    """And nothing else."""
    token = _read(explicit_grants=True, grants=granted("users/ellie", one))
    assert token.may_for_user(other, "ellie") is (one is other)


@given(ABILITIES, ABILITIES)
def test_objects_have_to_be_granted(one: Ability, other: Ability) -> None:
    """Whether grants are explicit or not."""
    token = _read(grants=granted("objects/projects/p/1", one))
    assert token.may_for_object(other, "projects", "p/1") is (one is other)
    assert not token.may_for_object(one, "projects", "p")


@pytest.mark.parametrize(
    "uri",
    [
        "https://api.knock.app/v1/objects/$tenants/a b",
        "https://api.knock.app/v1/tenants/a b",
        "https://carillon.example/v1/objects/$tenants/a%20b",
        "/v1/objects/%24tenants/a%20b",
    ],
)
@pytest.mark.parametrize("how", [[{}], []])
def test_only_the_path_of_a_resource_counts(uri: str, how: list[Any]) -> None:
    """Tokens name Knock's own server; tenants have two names, and ids may be escaped."""
    token = _read(grants={uri: {"slack/channels_read": how}})
    assert token.may_for_object(Ability.SLACK_CHANNELS_READ, "$tenants", "a b")


@pytest.mark.parametrize("name", ["user/feed_read", "feed/read", "user_feed/read"])
def test_a_feed_is_granted_by_three_names(name: str) -> None:
    """The documentation uses them all."""
    token = _read(explicit_grants=True, grants=granted("users/ellie", name))
    assert token.may_for_user(Ability.FEED_READ, "ellie")


@pytest.mark.parametrize("grants", [None, [], "x", {"a": None}, {"": {}}, {"a://": {"x/y": 1}}])
def test_odd_grants_grant_nothing(grants: Any) -> None:
    """They are no fault of ours."""
    token = _read(explicit_grants=True, grants=grants)
    assert not any(token.may_for_user(ability, "ellie") for ability in Ability)


def test_grants_within_tenants_keep_a_user_to_them() -> None:
    """Feeds and preferences are those of the named tenants; what has none is granted apart."""
    within = granted("tenants/ingen", "user/feed_read")
    token = _read(grants=within)
    assert token.tenants(Ability.FEED_READ) == TenantScope(frozenset({"ingen"}), with_none=False)
    assert token.tenants(Ability.PREFERENCES_READ) == TenantScope(frozenset({"ingen"}), False)
    assert token.tenants(Ability.USER_READ) is None
    both = _read(grants={**within, **granted("users/ellie", "user/feed_read")})
    assert both.tenants(Ability.FEED_READ) == TenantScope(frozenset({"ingen"}), with_none=True)


def test_with_explicit_grants_each_ability_is_granted_within_each_tenant() -> None:
    """To read in one tenant says nothing of writing there."""
    token = _read(explicit_grants=True, grants=granted("tenants/ingen", "user/feed_read"))
    assert token.may_for_user(Ability.FEED_READ, "ellie")
    assert not token.may_for_user(Ability.FEED_WRITE, "ellie")
    assert not token.may_for_user(Ability.PREFERENCES_READ, "ellie")


def test_to_see_the_channels_of_a_workspace_says_nothing_of_feeds() -> None:
    """The tokens of Knock's Slack kit grant that for a tenant; feeds stay whole."""
    token = _read(grants=granted("objects/$tenants/ingen", "slack/channels_read"))
    assert token.tenants(Ability.FEED_READ) is None
