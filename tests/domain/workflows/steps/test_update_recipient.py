"""The steps that change users, objects and tenants: whom they may name, and how."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.errors import InvalidParams
from domain.recipients.refs import RecipientRef
from domain.workflows.steps import parse_steps
from domain.workflows.steps.update_recipient import read_target
from tests.support.steps import update_recipient_step


@pytest.mark.parametrize(
    ("kind", "settings", "field"),
    [
        ("user", None, "settings"),
        ("user", {}, "settings.recipient_mode"),
        ("user", {"recipient_mode": "other", "update_properties": "{}"}, "settings.recipient_mode"),
        ("user", {"recipient_mode": "current"}, "settings.update_properties"),
        (
            "user",
            {"recipient_mode": "current", "update_properties": ""},
            "settings.update_properties",
        ),
        ("user", {"recipient_mode": "reference", "update_properties": "{}"}, "settings"),
        ("object", {"update_properties": "{}"}, "settings.recipient_gid"),
        ("object", {"update_properties": "{}", "recipient_gid": None}, "settings.recipient_gid"),
    ],
)
def test_wrong_settings(kind: str, settings: Any, field: str) -> None:
    """What is missing or odd is refused at its place."""
    with pytest.raises(InvalidParams) as refusal:
        parse_steps([{"type": f"update_{kind}", "ref": "u", "settings": settings}])
    assert f"steps[0].{field}" in [error.field for error in refusal.value.errors]


@pytest.mark.parametrize(
    ("kind", "gid", "named"),
    [
        ("user", "gid://Object/$users/ellie", RecipientRef("$users", "ellie")),
        ("user", "ellie@example.com", RecipientRef("$users", "ellie@example.com")),
        ("tenant", "gid://Object/$tenants/acme", RecipientRef("$tenants", "acme")),
        ("tenant", "acme", RecipientRef("$tenants", "acme")),
        ("object", "gid://Object/projects/a/b", RecipientRef("projects", "a/b")),
        ("object", "gid://Object/$tenants/acme", RecipientRef("$tenants", "acme")),
        ("user", "gid://Object/projects/p1", None),
        ("user", "gid://User/ellie", None),
        ("tenant", "gid://Object/$users/ellie", None),
        ("object", "gid://Object/$users/ellie", None),
        ("object", "p1", None),
        ("object", "gid://Object/projects/", None),
        ("object", "gid://Object//p1", None),
    ],
)
def test_whom_a_global_id_names(kind: str, gid: str, named: RecipientRef | None) -> None:
    """A global id names what the step updates; a user or a tenant by the id alone, too."""
    step = update_recipient_step(kind, "{}", recipient_mode="reference", recipient_gid=gid)
    if named is None:
        with pytest.raises(InvalidParams) as refusal:
            parse_steps([step])
        assert refusal.value.errors[0].field == "steps[0].settings.recipient_gid"
    else:
        parse_steps([step])
        assert read_target(gid, f"update_{kind}") == named


def test_what_is_liquid() -> None:
    """Properties are a template of JSON; a global id is one where it has Liquid in it."""
    (fixed, rendered) = parse_steps(
        [
            update_recipient_step("object", "{}", recipient_gid="gid://Object/c/o"),
            {
                **update_recipient_step("object", "{}", recipient_gid="gid://Object/{{ data.x }}"),
                "ref": "other",
            },
        ]
    )
    places = [[one.place for one in step.templates("s")] for step in (fixed, rendered)]
    assert places == [
        ["s.settings.update_properties"],
        ["s.settings.update_properties", "s.settings.recipient_gid"],
    ]
