"""The filters that name people and things by id."""

from __future__ import annotations

from typing import Any

import pytest

from domain.recipients.refs import TENANTS, RecipientRef
from templating.limits import LiquidError
from templating.liquid.environment import render_text
from templating.liquid.lookups import MAX_LOOKUPS, Lookup, Lookups, SubscriptionsOf

ADA = RecipientRef.user("ada")
KNOWN: dict[Lookup, Any] = {
    ADA: {"id": "ada", "name": "Ada", "boss": "grace"},
    RecipientRef("projects", "1"): {"id": "1", "name": "Carillon"},
    RecipientRef(TENANTS, "acme"): {"id": "acme", "name": "Acme"},
    RecipientRef.user("nobody"): None,
    SubscriptionsOf("ada"): [
        {"object": {"id": "1", "name": "Carillon"}, "properties": {"role": "lead"}},
        {"object": {"id": "2"}, "properties": {}},
    ],
    SubscriptionsOf("nobody"): [],
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% assign u = 'ada' | user %}{{ u.name }}", "Ada"),
        ("{% assign p = 1 | object: 'projects' %}{{ p.name }}", "Carillon"),
        ("{% assign t = 'acme' | tenant %}{{ t.name }}", "Acme"),
        ("{{ 'nobody' | user | json }}{{ missing | user }}{{ '' | tenant }}", "null"),
        ("{{ 'ada' | object: missing }}{{ data | user }}", ""),
        (
            "{% assign subs = 'ada' | subscriptions %}{% for s in subs %}"
            "{{ s.object.id }} {{ s.object.name }} {{ s.properties.role }};{% endfor %}",
            "1 Carillon lead;2  ;",
        ),
        ("{% assign subs = 'nobody' | subscriptions %}{{ subs | size }}", "0"),
        ("{% assign subs = missing | subscriptions %}{{ subs | size }}", "0"),
    ],
)
def test_what_is_known_is_found(source: str, expected: str) -> None:
    """An id gives the whole entity; nothing, and an id that nobody has, give nothing."""
    lookups = Lookups(KNOWN)
    assert render_text(source, {"data": {"a": 1}}, lookups=lookups) == expected
    assert not lookups.wanted


def test_what_is_not_known_is_noted() -> None:
    """A first rendering collects all that it could not find, and goes on."""
    lookups = Lookups()
    source = "{% for id in ids %}{{ id | user | json }}{% endfor %}"
    assert render_text(source, {"ids": ["ada", "bob", "ada"]}, lookups=lookups) == "null" * 3
    assert lookups.wanted == {ADA, RecipientRef.user("bob")}
    assert render_text("{{ 'ada' | subscriptions }}", {}, lookups=lookups) == ""
    assert SubscriptionsOf("ada") in lookups.wanted


def test_look_ups_are_bounded() -> None:
    """One message may look up so much and no more, known or not."""
    source = "{% for id in (1..15) %}{{ id | user }}{{ id | subscriptions }}{% endfor %}"
    lookups = Lookups({RecipientRef.user(str(n)): None for n in range(1, 10)})
    with pytest.raises(LiquidError, match=f"at most {MAX_LOOKUPS}"):
        render_text(source, {}, lookups=lookups)
    assert len(lookups.wanted) == MAX_LOOKUPS - 9
