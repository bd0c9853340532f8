"""Values judged by the fields of a message type."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.fields import read_fields
from domain.content.values import value_errors


def _field(kind: str, **settings: Any) -> dict[str, Any]:
    own = {"text": {"type": "text", "key": "t", "settings": {"required": True}},
           "action": {"type": "text", "key": "a"}} if kind == "button" else {}  # fmt: skip
    if kind == "image":
        own = {"url": {"type": "url", "key": "u", "settings": {"required": True}}}
    return {"type": kind, "key": "it", "settings": settings, **own}


def _errors(field: dict[str, Any], *value: Any) -> list[str]:
    """Return what is wrong with a value, or with none."""
    fields = read_fields([field])
    assert len(fields) == 1, "the field of the test is not one"
    values = {"it": value[0]} if value else {}
    return [f"{error.field} {error.message}" for error in value_errors(fields, values, "v")]


_TWO = [{"value": "a"}, {"value": "b"}]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (_field("text"), "anything"),
        (_field("text", min_length=2, max_length=3), "abc"),
        (_field("text", max_length=3), "{{ recipient.name }}"),
        (_field("textarea"), "a\nb"),
        (_field("markdown"), "*a*"),
        (_field("url"), "/relative/{{ data.id }}"),
        (_field("color"), "#1A2B3C"),
        (_field("color"), "{% if true %}#fff{% endif %}"),
        (_field("color", default="{% if true %}#fff{% endif %}"), "#1A2B3C"),
        (_field("boolean"), False),
        (_field("boolean"), "{{ data.flag }}"),
        (_field("number", min=0, max=10), 10),
        (_field("number"), 0.5),
        (_field("number"), "{{ data.count }}"),
        (_field("select", options=_TWO), "b"),
        (_field("select"), "whatever"),
        (_field("multi_select", options=_TWO), ["a", "{{ data.choice }}"]),
        (_field("button"), {"text": "Go", "action": None}),
        (_field("image"), {"url": "/a.png", "alt": None, "action": None}),
        (_field("json"), {"any": ["thing"]}),
        (_field("json"), 7),
        (_field("list"), [1, "two"]),
    ],
)
def test_what_fits(field: dict[str, Any], value: Any) -> None:
    """A value of the type of its field; or Liquid, which is rendered later."""
    assert _errors(field, value) == []


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        (_field("text"), 7, "v.it must be a string"),
        (_field("text", min_length=2), "a", "v.it must have at least 2 characters"),
        (_field("textarea", max_length=2), "abc", "v.it must have at most 2 characters"),
        (_field("markdown"), ["a"], "v.it must be a string"),
        (_field("url"), {"a": 1}, "v.it must be a string"),
        (_field("color"), "red", "v.it must be a colour such as #1A2B3C"),
        (_field("boolean"), "yes", "v.it must be true or false"),
        (_field("boolean"), 0, "v.it must be true or false"),
        (_field("number"), True, "v.it must be a number"),
        (_field("number"), "7", "v.it must be a number"),
        (_field("number", min=1), 0, "v.it must be at least 1"),
        (_field("number", max=1), 2, "v.it must be at most 1"),
        (_field("select", options=_TWO), "c", "v.it must be one of: a, b"),
        (_field("multi_select"), "a", "v.it must be a list"),
        (_field("multi_select", options=_TWO), ["a", "c"], "v.it[1] must be one of: a, b"),
        (_field("multi_select"), [1], "v.it[0] must be a string"),
        (_field("button"), "Go", "v.it must be an object"),
        (_field("button"), {"action": "/"}, "v.it.text is required"),
        (_field("button"), {"text": "Go", "action": 7}, "v.it.action must be a string"),
        (_field("image"), {"alt": "A"}, "v.it.url is required"),
        (_field("image"), {"url": "/", "alt": 7}, "v.it.alt must be a string"),
        (_field("list"), "a", "v.it must be a list"),
    ],
)
def test_what_does_not(field: dict[str, Any], value: Any, error: str) -> None:
    """Each violation is told at its place, inside buttons, images and lists as well."""
    assert _errors(field, value) == [error]


@pytest.mark.parametrize(
    "kind",
    ["text", "textarea", "markdown", "url", "color", "boolean", "number", "select",
     "multi_select", "button", "image", "json", "list"],
)  # fmt: skip
def test_what_has_to_be_there(kind: str) -> None:
    """Of a field that is required, unless its default stands for it; `false` and 0 are there."""
    for nothing in ((), (None,), ("",), ([],), ({},)):
        assert _errors(_field(kind, required=True), *nothing) == ["v.it is required"]
        assert _errors(_field(kind, required=False), *nothing) == []
    assert _errors(_field("text", required=True, default="Hello")) == []
    assert _errors(_field("boolean", required=True), False) == []
    assert _errors(_field("number", required=True), 0) == []


def test_what_no_field_names_is_passed_over() -> None:
    """An earlier form of the message type may have left it behind."""
    values = {"it": "fits", "rest": object}
    assert not [*value_errors(read_fields([_field("text")]), values, "v")]  # type: ignore[arg-type]
