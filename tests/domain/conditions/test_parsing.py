"""Condition groups: which shapes are accepted, and where violations are reported."""

from __future__ import annotations

from typing import Any

import pytest

from domain.conditions import parse_condition_group
from domain.kit.errors import InvalidParams

GOOD = {"variable": "data.total", "operator": "greater_than", "argument": "5"}


def fields_of(raw: Any, field: str = "conditions") -> list[str]:
    """Return the fields of all violations."""
    with pytest.raises(InvalidParams) as refusal:
        parse_condition_group(raw, field)
    return [error.field for error in refusal.value.errors]


@pytest.mark.parametrize("raw", [None, {}])
def test_null_and_empty_object_are_no_conditions(raw: Any) -> None:
    """Nothing and {} both mean that there are no conditions."""
    assert parse_condition_group(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"all": []},
        {"any": []},
        {"all": [GOOD], "any": None},
        {"any": [{"all": [GOOD, GOOD]}, GOOD]},
        {"all": [{"any": [GOOD, GOOD]}, GOOD]},
    ],
)
def test_accepted_shapes(raw: Any) -> None:
    """A group is all or any, with groups of conditions one level down."""
    group = parse_condition_group(raw)

    assert group is not None
    assert group.quantifier in raw
    assert len(group.members) == len(raw[group.quantifier])


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        ([GOOD], ["c"]),
        ("x", ["c"]),
        ({"none": [GOOD]}, ["c"]),
        ({"all": None}, ["c"]),
        ({"all": [GOOD], "any": [GOOD]}, ["c"]),
        ({"all": GOOD}, ["c.all"]),
        ({"all": [None]}, ["c.all[0]"]),
        ({"all": [{}]}, ["c.all[0].variable", "c.all[0].operator"]),
        ({"any": [{"all": [{"any": [GOOD]}]}]}, ["c.any[0].all[0]"]),
        (
            {"any": [GOOD, {"all": [GOOD, {**GOOD, "operator": "is"}]}]},
            ["c.any[1].all[1].operator"],
        ),
        ({"all": [{**GOOD, "operator": ["equal_to"]}]}, ["c.all[0].operator"]),
        ({"all": [{**GOOD, "operator": "is_in_random_cohort"}]}, ["c.all[0].operator"]),
        (
            {"all": [{**GOOD, "variable": 5}, GOOD, {**GOOD, "operator": ""}]},
            ["c.all[0].variable", "c.all[2].operator"],
        ),
    ],
)
def test_violations_are_all_reported_at_their_place(raw: Any, fields: list[str]) -> None:
    """Each violation has a path of its own, and none hides another."""
    assert fields_of(raw, "c") == fields


@pytest.mark.parametrize(
    "variable",
    [
        "data.a",
        "data.a.0.b",
        "recipient",
        "recipient.plan-name",
        "refs.x.signal_variables.a",
        "data.c[0].code",
        "data['a b'][2]",
        "event.type",
        "run.total_activities",
        "workflow.categories",
        "vars.k",
        "tenant.id",
        "actor",
    ],
)
def test_known_variables(variable: str) -> None:
    """A variable is a known root with a path, or an entity as a whole."""
    assert parse_condition_group({"all": [{"variable": variable, "operator": "exists"}]})


@pytest.mark.parametrize(
    "variable",
    [
        "",
        "data",
        "total",
        "dta.total",
        "data.",
        "data..a",
        ".data",
        "data.a b",
        "data.c[",
        "data.c[]",
        "data.c[x]",
        "data.c[0]x",
        None,
    ],
)
def test_unknown_variables(variable: Any) -> None:
    """A path of another root, or with an empty segment, can never hold and is refused."""
    raw = {"all": [{"variable": variable, "operator": "exists"}]}

    assert fields_of(raw) == ["conditions.all[0].variable"]


@pytest.mark.parametrize(
    ("operator", "argument"),
    [
        ("is_between", "5"),
        ("is_between", [1]),
        ("is_between", None),
        ("contains_all", "admin"),
        ("not_contains_all", None),
        ("is_timestamp_before", "tomorrow"),
        ("is_timestamp_before", None),
        ("is_timestamp_before", 5),
        ("is_timestamp_before", "14 minutes ago"),
        ("is_timestamp_on_or_after", "0_days_from_now"),
        ("is_timestamp_between", "2026-01-01"),
        ("is_timestamp_between", ["2026-01-01"]),
        ("is_timestamp_between", ["30_days_ago", "2026-01-01"]),
        ("equal_to", "$message.sent"),
        ("is_audience_member", None),
        ("is_audience_member", " "),
        ("is_audience_member", 5),
    ],
)
def test_arguments_that_cannot_suit(operator: str, argument: Any) -> None:
    """A fixed argument that the operator can never use is refused when it is written."""
    variable = "recipient.x"
    raw = {"all": [{"variable": variable, "operator": operator, "argument": argument}]}

    assert fields_of(raw) == ["conditions.all[0].argument"]


@pytest.mark.parametrize("operator", ["is_between", "contains_all", "is_timestamp_before"])
@pytest.mark.parametrize(
    "argument", ["data.later", "{{ data.later }}", "{% if data.a %}a{% endif %}"]
)
def test_dynamic_arguments_are_judged_later(operator: str, argument: str) -> None:
    """A path or Liquid may turn out to be anything, so it is accepted for every operator."""
    raw = {"all": [{"variable": "data.v", "operator": operator, "argument": argument}]}

    assert parse_condition_group(raw)


def test_membership_is_about_the_recipient() -> None:
    """Only the recipient can be asked for its audiences."""
    raw = {"all": [{"variable": "data.x", "operator": "is_audience_member", "argument": "vip"}]}

    assert fields_of(raw) == ["conditions.all[0].variable"]
