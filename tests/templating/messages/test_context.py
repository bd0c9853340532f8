"""The scope of a run that was not batched."""

from __future__ import annotations

from typing import Any

from templating.liquid.environment import render_text
from templating.messages.context import build_scope

USER = {"id": "u1", "__typename": "User", "name": "Rosa"}
ACTOR = {"id": "u2", "__typename": "User", "name": "Ben"}


def make_scope(**changes: Any) -> dict[str, Any]:
    """Build a scope with a few plain values."""
    values: dict[str, Any] = {
        "data": {"page": "Home", "recipient": "hidden", "id": 7},
        "recipient": USER,
        "actor": ACTOR,
        "tenant": None,
        "workflow": {"key": "welcome", "name": "Welcome", "secret": "x"},
        "variables": {"app_name": "App", "branding": {"primary_color": "#111", "logo_url": "l"}},
        "now_iso": "2024-01-01T00:00:00.000000Z",
    }
    return build_scope(**{**values, **changes})


def test_data_is_found_in_all_documented_places() -> None:
    """Trigger data stands under `data`, at the root, and in the one trigger activity."""
    source = (
        "{{ data.page }} {{ page }} {% for a in activities %}{{ a.page }} {{ a.data.page }} "
        "{{ a.actor.name }} {{ a.inserted_at | date: '%Y' }}{% endfor %} {{ total_activities }}"
    )
    assert render_text(source, make_scope()) == "Home Home Home Home Ben 2024 1"


def test_data_never_hides_the_system() -> None:
    """A data key named like a system variable is only reachable under `data`."""
    assert render_text("{{ recipient.name }} {{ data.recipient }}", make_scope()) == "Rosa hidden"


def test_actor_is_optional() -> None:
    """Without an actor the list of actors is empty."""
    source = "{{ total_actors }}{{ actors.size }}{{ run.total_actors }}{{ actor.name }}"
    assert render_text(source, make_scope(actor=None)) == "000"
    assert render_text(source, make_scope()) == "111Ben"


def test_tenant_branding_wins_by_property() -> None:
    """A tenant's colours replace the account's; what it leaves empty is the account's."""
    branding = {"primary_color": "#222", "logo_url": None}
    scope = make_scope(tenant={"id": "t", "settings": {"branding": branding}})
    assert scope["vars"]["branding"] == {"primary_color": "#222", "logo_url": "l"}
    assert make_scope()["vars"]["branding"]["primary_color"] == "#111"


def test_only_documented_workflow_keys_are_shown() -> None:
    """The workflow variable has the documented members and no others."""
    source = "{{ workflow.key }}{{ workflow.secret }}"
    assert render_text(source, make_scope()) == "welcome"


def test_what_belongs_to_one_message_is_empty_at_first() -> None:
    """Conditions and messages lay their own facts over the scope; before, templates see nothing."""
    source = "{{ current_message.id }}{{ activities[0].id }}{{ refs.email_1.delivery_status }}"
    assert render_text(source, make_scope()) == ""


def test_request_bodies_name_their_run() -> None:
    """The workflow printed by itself is its key, and whole as JSON; the trigger has its id."""
    own = make_scope(workflow={"key": "welcome", "id": "v1"}, workflow_run_id="r1")
    body = (
        '{"id":"{{workflow_run_id}}","workflow":"{{workflow}}","none":"{{recipient.collection}}"}'
    )
    assert render_text(body, own) == '{"id":"r1","workflow":"welcome","none":""}'
    assert '"key":"welcome"' in render_text("{{ workflow | json }}", own)
