"""The fetch step: what may be written, and how its answer joins the data of a run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.authored import ChannelTypes, Inputs, ResourceType
from domain.kit.errors import InvalidParams
from domain.workflows.steps import HttpFetchStep, parse_steps
from domain.workflows.steps.http_fetch import merged
from tests.support.steps import fetch_step, shared_fetch_step

_names = st.text("abc", min_size=1, max_size=2)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=6,
)


def read(**settings: Any) -> HttpFetchStep:
    """Read a step as a draft."""
    (step,) = parse_steps([fetch_step(**settings)])
    assert isinstance(step, HttpFetchStep)
    return step


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"url": None}, "url"),
        ({"method": "head"}, "method"),
        ({"headers": 5}, "headers"),
        ({"headers": [{"key": "a"}]}, "headers[0]"),
        ({"query_params": "a=b"}, "query_params"),
        ({"body": {"a": 1}}, "body"),
        ({"response_path": "a..b"}, "response_path"),
        ({"inputs": {"a": 1}}, "inputs"),
        ({"reusable_request_key": ""}, "reusable_request_key"),
        ({"url": None, "reusable_request_key": "find", "inputs": "a"}, "inputs"),
        ({"reusable_request_key": "find"}, "url"),
        ({"url": None, "reusable_request_key": "find", "method": "post"}, "method"),
        ({"url": None, "reusable_request_key": "find", "response_path": "a"}, "response_path"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], place: str) -> None:
    """A violation names the setting that is wrong, and no other."""
    with pytest.raises(InvalidParams) as refused:
        read(**settings)
    assert [error.field for error in refused.value.errors] == [f"steps[0].settings.{place}"]


def test_what_may_be_left_out() -> None:
    """A URL is enough; nulls are as good as nothing."""
    whole = read(method=None, headers=None, query_params=None, body=None, response_path=None)
    assert whole == read()
    assert whole.settings.method == "get"


def test_headers_as_an_object_or_as_liquid() -> None:
    """Pairs may also be an object of names and values, or Liquid that renders to one."""
    pairs = [{"key": "a", "value": "b"}]
    assert read(headers={"a": "b"}).settings.headers == pairs
    assert read(headers="{{ data.headers }}").settings.headers == "{{ data.headers }}"


def test_its_templates_are_checked() -> None:
    """Every part of the request is told as a template, with its place."""
    step = read(headers=[{"key": "a", "value": "b"}], body="{}", signing_key="{{ data.key }}")
    assert [template.place for template in step.templates("steps[0]")] == [
        "steps[0].settings.url",
        "steps[0].settings.headers[0].key",
        "steps[0].settings.headers[0].value",
        "steps[0].settings.body",
        "steps[0].settings.signing_key",
    ]


def test_a_reusable_request() -> None:
    """A step that names one refers to it, gives it inputs, and says nothing of a request."""
    given = {"id": "{{ data.id }}", "list": ["{{ x }}", 2]}
    raw = shared_fetch_step("find-user", **given)
    HttpFetchStep.complete(raw, ChannelTypes())
    (step,) = parse_steps([raw])

    (reference,) = step.references("steps[0]")
    assert (reference.place, reference.target, reference.key) == (
        "steps[0].settings.reusable_request_key",
        ResourceType.REUSABLE_REQUEST,
        "find-user",
    )
    assert reference.inputs == Inputs("steps[0].settings.inputs", given)
    assert [template.place for template in step.templates("steps[0]")] == [
        "steps[0].settings.inputs.id",
        "steps[0].settings.inputs.list[0]",
    ]
    assert list(step.files("steps[0]")) == []
    assert "method" not in raw["settings"]


def test_everything_wrong_beside_a_reusable_request_is_told() -> None:
    """Each member that is the request's to say is named."""
    with pytest.raises(InvalidParams) as refused:
        read(reusable_request_key="find", method="put", body="{}", headers={"a": "b"})
    assert [error.field.removeprefix("steps[0].settings.") for error in refused.value.errors] == [
        "method",
        "url",
        "headers",
        "body",
    ]


@pytest.mark.parametrize(
    ("path", "answer", "expected"),
    [
        (None, None, None),
        (None, {"a": {"x": 2}}, {"a": {"x": 2}}),
        ("b", {"x": 2}, {"b": {"x": 2}}),
        ("a.y", [1], {"a": {"x": 1, "y": [1]}}),
        ("a.x.z", 5, {"a": {"x": {"z": 5}}}),
        ("n.m", "text", {"n": {"m": "text"}}),
        ("a.x", None, None),
    ],
)
def test_merging(path: str | None, answer: Any, expected: Any) -> None:
    """Members replace whole members at the top; a path makes the objects that it needs."""
    assert merged({"a": {"x": 1}, "n": 3}, answer, path) == expected


def test_a_path_with_its_root() -> None:
    """`data.profile` is `profile`: an answer always joins `data`."""
    assert read(response_path="data.profile").settings.response_path == "profile"


@given(
    data=st.dictionaries(_names, _json, max_size=4),
    answer=_json.filter(lambda value: value is not None),
    names=st.lists(_names, min_size=1, max_size=4),
)
def test_an_answer_is_found_at_its_path(
    data: dict[str, Any], answer: Any, names: list[str]
) -> None:
    """The answer stands at the path, and nothing beside the path has changed."""
    patch = merged(data, answer, ".".join(names))
    assert patch is not None
    before, after = data, {**data, **patch}
    for name in names[:-1]:
        kept = before if isinstance(before, dict) else {}
        assert {key: value for key, value in after.items() if key != name} == {
            key: value for key, value in kept.items() if key != name
        }
        before, after = kept.get(name), after[name]
    assert after[names[-1]] == answer
