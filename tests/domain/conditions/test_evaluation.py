"""Evaluation: joining, short circuit, operands from the scope, and the trace."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conditions import (
    MISSING,
    ConditionError,
    ConditionScope,
    Verdict,
    evaluate,
    lookup,
    parse_condition_group,
)

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
YES: dict[str, Any] = {"variable": "data.n", "operator": "equal_to", "argument": "1"}
NO: dict[str, Any] = {"variable": "data.n", "operator": "equal_to", "argument": "2"}
VALUES = {
    "data": {"n": 1, "list": [{"k": "v"}], "word": "7", "words": ["7"], "numbers": [7]},
    "recipient": {"id": "u1", "subscription": {"level": 3}},
    "vars": {"limit": 3},
}


def judge(raw: Any, **scope: Any) -> Verdict:
    """Parse and evaluate against VALUES."""
    return evaluate(parse_condition_group(raw), ConditionScope(VALUES, NOW, **scope))


def results(raw: Any) -> list[str]:
    """Return the results in the trace."""
    return [line["result"] for line in judge(raw).trace]


@pytest.mark.parametrize(
    ("raw", "passed"),
    [
        (None, True),
        ({}, True),
        ({"all": []}, True),
        ({"any": []}, False),
        ({"all": [YES, YES]}, True),
        ({"all": [YES, NO]}, False),
        ({"any": [NO, YES]}, True),
        ({"any": [NO, NO]}, False),
        ({"any": [{"all": [YES, NO]}, {"all": [YES, YES]}]}, True),
        ({"all": [{"any": [NO, YES]}, YES]}, True),
        ({"all": [{"any": [NO, NO]}, YES]}, False),
    ],
)
def test_joining(raw: Any, passed: bool) -> None:
    """`all` needs every member and `any` one; an empty `all` holds, an empty `any` does not."""
    assert judge(raw).passed is passed


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"all": [YES, NO, YES]}, ["true", "false", "not_evaluated"]),
        ({"any": [NO, YES, NO]}, ["false", "true", "not_evaluated"]),
        (
            {"any": [{"all": [NO, YES]}, YES, {"all": [YES, NO]}]},
            ["false", "not_evaluated", "true", "not_evaluated", "not_evaluated"],
        ),
        (None, []),
    ],
)
def test_short_circuit(raw: Any, expected: list[str]) -> None:
    """Evaluation goes left to right, stops when decided, and traces every condition."""
    assert results(raw) == expected


def test_the_trace_shows_both_sides() -> None:
    """A line of the trace holds the condition as written and what its sides came to."""
    condition = {
        "variable": "recipient.subscription.level",
        "operator": "greater_than_or_equal_to",
        "argument": "vars.limit",
    }

    assert judge({"all": [condition]}).trace == [
        {**condition, "variable_value": 3, "argument_value": 3, "result": "true"}
    ]


def test_the_trace_is_short_and_json() -> None:
    """Long texts are cut to 256 characters, long lists and deep objects too."""
    values = {
        "data": {
            "text": "x" * 1000,
            "deep": [[[["y" * 1000]]]],
            "long": list(range(100)),
            "odd": NOW,
            "pair": {"k" * 300: ("z" * 300,)},
        }
    }
    raw = {
        "any": [
            {"variable": f"data.{key}", "operator": "not_exists", "argument": "a" * 999}
            for key in values["data"]
        ]
    }

    trace = evaluate(parse_condition_group(raw), ConditionScope(values, NOW)).trace

    shown = {line["variable"]: line["variable_value"] for line in trace}
    assert shown["data.text"] == "x" * 256
    assert shown["data.deep"] == [[["…"]]]
    assert shown["data.long"] == list(range(20))
    assert shown["data.pair"] == {"k" * 256: ["z" * 256]}
    assert {len(line["argument"]) for line in trace} == {256}
    assert len(json.dumps(trace)) < 5000


@pytest.mark.parametrize(
    ("rendered", "variable", "operator", "expected"),
    [
        ("1", "data.n", "equal_to", True),
        ("7", "data.word", "equal_to", True),
        ("7", "data.words", "contains", True),
        ("7", "data.numbers", "contains", True),
        ('["7", "8"]', "data.word", "contains", True),
        ('["7"]', "data.words", "contains_all", True),
        ("", "data.nothing", "equal_to", True),
        ("[1, 2]", "data.n", "is_between", True),
        ("nonsense", "data.n", "equal_to", False),
    ],
)
def test_liquid_arguments(rendered: str, variable: str, operator: str, expected: bool) -> None:
    """What Liquid gives stays text beside texts, and is read as JSON beside other values."""
    condition = {"variable": variable, "operator": operator, "argument": "{{ anything }}"}

    assert judge({"all": [condition]}, render=lambda _template: rendered).passed is expected


def test_an_argument_of_tags_is_liquid() -> None:
    """An argument is rendered also where it holds tags and no output."""
    argument = "{% if data.n %}one{% endif %}"
    condition = {"variable": "data.word", "operator": "equal_to", "argument": argument}

    assert not judge({"all": [condition]}, render=lambda _template: "something else").passed
    assert judge({"all": [condition]}, render=lambda _template: "7").passed


def test_liquid_may_render_a_timestamp() -> None:
    """A rendered timestamp, or relative one, is compared like a written one."""
    raw = {
        "all": [{"variable": "data.at", "operator": "is_timestamp_before", "argument": "{{ x }}"}]
    }
    group = parse_condition_group(raw)
    values = {"data": {"at": "2026-06-15T11:00:00Z"}}

    for rendered in ("2026-06-15T11:00:01Z", "30 minutes ago"):
        scope = ConditionScope(values, NOW, render=lambda _template, text=rendered: text)
        assert evaluate(group, scope).passed


def test_without_a_renderer_liquid_is_text() -> None:
    """A scope that was given no renderer leaves templates as they are."""
    values = {"data": {"a": "{{ x }}"}}
    raw = {"all": [{"variable": "data.a", "operator": "equal_to", "argument": "{{ x }}"}]}

    assert evaluate(parse_condition_group(raw), ConditionScope(values, NOW)).passed


def test_broken_liquid_is_an_error() -> None:
    """Liquid that cannot be rendered fails the step instead of making the condition false."""

    def broken(template: str) -> str:
        raise ValueError(f"unknown filter in {template}")

    raw = {"all": [{**YES, "argument": "{{ 1 | nope }}"}]}

    with pytest.raises(ConditionError, match="unknown filter"):
        judge(raw, render=broken)


def test_liquid_of_a_condition_that_is_not_reached_is_not_rendered() -> None:
    """Short circuit also spares the rendering."""
    rendered: list[str] = []
    raw = {"any": [YES, {**YES, "argument": "{{ x }}"}]}

    def render(template: str) -> str:
        rendered.append(template)
        return template

    assert judge(raw, render=render).passed
    assert rendered == []


def test_audiences_are_asked_for() -> None:
    """Membership is asked of the scope with the audience's key and the variable, as text."""
    asked: list[tuple[str, str | None]] = []

    def is_member(key: str, variable: str | None) -> bool:
        asked.append((key, variable))
        return key == "123"

    member = {"variable": "recipient", "operator": "is_audience_member", "argument": "123"}
    raw = {"all": [member, {**member, "operator": "is_not_audience_member", "argument": "vip"}]}

    assert judge(raw, is_member=is_member).passed
    assert asked == [("123", "recipient"), ("vip", "recipient")]
    assert not judge({"all": [member]}).passed


def test_an_audience_key_may_be_liquid() -> None:
    """The key may be rendered; one that renders to nothing is nobody's audience."""
    raw = {
        "all": [
            {
                "variable": "recipient.id",
                "operator": "is_audience_member",
                "argument": "{{ data.audience }}",
            }
        ]
    }

    for rendered, expected in (("vip", True), ("", False)):
        verdict = judge(
            raw, render=lambda _t, text=rendered: text, is_member=lambda key, _v: key == "vip"
        )
        assert verdict.passed is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data.n", 1),
        ("data.list.0.k", "v"),
        ("data.list[0].k", "v"),
        ("data.list[0]['k']", "v"),
        ('data["list"][0]["k"]', "v"),
        ("data.list[1].k", MISSING),
        ("data.list[k]", MISSING),
        ("data.list.1.k", MISSING),
        ("data.list.-1", MISSING),
        ("data.list." + "9" * 5000, MISSING),
        ("data.list.k", MISSING),
        ("data.word.0", MISSING),
        ("data.n.x", MISSING),
        ("nowhere.x", MISSING),
        ("vars", {"limit": 3}),
        ("", MISSING),
    ],
    ids=lambda value: str(value)[:30],
)
def test_lookup(path: str, expected: Any) -> None:
    """A path walks objects by key and lists by index; anything else leads nowhere."""
    assert lookup(VALUES, path) == expected


def test_both_sides_of_a_condition_may_index() -> None:
    """`[0]` means what `.0` means, in variables and in arguments."""
    same = {"variable": "data.list[0].k", "operator": "equal_to", "argument": "data.list.0.k"}
    assert judge({"all": [same, {**same, "variable": "data.numbers[0]", "argument": "7"}]}).passed
    word = {"variable": "data.word", "operator": "equal_to", "argument": "data.words[0]"}
    assert judge({"all": [word]}).passed


@pytest.mark.parametrize(
    ("path", "argument", "passed"),
    [
        ("data.word", "7", False),
        ("data.word", '"7"', True),
        ("data.n", "1", True),
        ("data.n", '"1"', False),
    ],
)
def test_quotes_make_a_number_a_text(path: str, argument: str, *, passed: bool) -> None:
    """An argument that spells JSON is that JSON: a text that looks like a number needs quotes."""
    condition = {"variable": path, "operator": "equal_to", "argument": argument}
    assert judge({"all": [condition]}).passed is passed


def test_missing_is_false() -> None:
    """MISSING is falsy, so that `lookup(…) or default` reads well."""
    assert not MISSING


@given(st.lists(st.lists(st.booleans(), max_size=4), max_size=4), st.booleans())
def test_groups_agree_with_python(rows: list[list[bool]], outer_any: bool) -> None:
    """Any nesting of all and any gives what Python's all() and any() give."""
    outer, inner = ("any", "all") if outer_any else ("all", "any")
    raw = {outer: [{inner: [YES if each else NO for each in row]} for row in rows]}
    join = {"all": all, "any": any}

    verdict = judge(raw)

    assert verdict.passed is join[outer](join[inner](row) for row in rows)
    assert len(verdict.trace) == sum(map(len, rows))
