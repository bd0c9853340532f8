"""JSON objects with Liquid in them: values keep their types, and nothing breaks the object."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templating.limits import DEFAULT_LIMITS, LiquidError
from templating.liquid.renderer import Renderer
from templating.liquid.typed import ObjectTemplate

DATA = {"n": 3, "text": 'a "b"', "list": [1, {"k": "v"}], "yes": True, "none": None, "number": "5"}


def render(source: str, data: Any = DATA) -> Any:
    """Render an object with `data`."""
    return ObjectTemplate(source, "data").render(Renderer({"data": data}, DEFAULT_LIMITS))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"{{ data.n }}"', 3),
        ('" {{- data.n -}} "', 3),
        ('"{{ data.list }}"', [1, {"k": "v"}]),
        ('"{{ data.list | size }}"', 2),
        ('"{{ data.list | json }}"', [1, {"k": "v"}]),
        ('"{{ data.yes }}"', True),
        ('"{{ data.none }}"', None),
        ('"{{ data.missing }}"', None),
        ("\"{{ data.missing | default: 'x' }}\"", "x"),
        ('"{{ data.number }}"', "5"),
        ('"{{ data.text }}"', 'a "b"'),
        ("\"{{ '}' }}\"", "}"),
        ('"{{ data.n }}{{ data.n }}"', "33"),
        ('"n: {{ data.n }}"', "n: 3"),
        ('"{% if data.yes %}on{% endif %}"', "on"),
        ('"plain"', "plain"),
        ("{{ data.n }}", 3),
        ("{{ data.list | json }}", [1, {"k": "v"}]),
        ('[{"deep": "{{ data.n }}"}, 1.5, false, null]', [{"deep": 3}, 1.5, False, None]),
    ],
)
def test_values(value: str, expected: Any) -> None:
    """A string that is one output becomes its value, any other string a string."""
    found = render('{"x": ' + value + "}")["x"]
    assert found == expected
    assert type(found) is type(expected)


def test_names_are_rendered() -> None:
    """The name of a member may be Liquid too."""
    assert render('{"{{ data.number }}_x": 1}') == {"5_x": 1}


def test_a_whole_object() -> None:
    """A source that is one output may render to the whole object; an empty one changes nothing."""
    assert render("{{ data | json }}") == DATA
    assert render(" ") == {}


@pytest.mark.parametrize("source", ["[]", "5", '"x"', "null", '"{{ data.n }}"'])
def test_what_is_no_object(source: str) -> None:
    """JSON of another kind is refused before anything is rendered."""
    with pytest.raises(LiquidError, match="is not a JSON object"):
        ObjectTemplate(source, "data")


def test_errors_name_the_member() -> None:
    """An error says in which member it is."""
    with pytest.raises(LiquidError, match=r"data\.a\[1\]: a range"):
        render('{"a": ["x", "{% for i in (1..20000) %}{% endfor %}"]}')


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(codec="ascii", exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


@given(json_values)
def test_whatever_the_data_is_it_stays(value: Any) -> None:
    """One output gives back the value that it names."""
    assert render('{"x": "{{ data.v }}"}', {"v": value}) == {"x": value}
