"""The tag `render`: what a partial sees, how its inputs are typed, and what it may cost."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.partial import PARTIAL, Partial, PartialType
from templating.limits import Limits, LiquidError
from templating.liquid.environment import check_source, is_quick, partials_in, render_text
from templating.liquid.library import Library
from templating.liquid.lookups import Lookups

SCOPE = {
    "recipient": {"name": "Rosa"},
    "data": {"items": [{"n": 1}, {"n": 2}], "no": False, "text": "<b>", "for": "x"},
    "vars": {"branding": {"primary_color": "#123456"}, "api_key": "secret"},
    "title": "outside",
}


def html(content: str, *fields: Any) -> Partial:
    """Return a partial of HTML with input fields."""
    document = {"name": "P", "type": "html", "content": content, "input_schema": list(fields)}
    return PARTIAL.check(PARTIAL.normalise(document, {}), "partial")


def show(source: str, **partials: Partial | str) -> str:
    """Render a source with partials; a text is one of text."""
    found = {
        key: Partial(PartialType.TEXT, each) if isinstance(each, str) else each
        for key, each in partials.items()
    }
    return render_text(source, SCOPE, lookups=Lookups(library=Library(found)))


@pytest.mark.parametrize(
    ("source", "partial", "shown"),
    [
        ("{% render 'one' %}", "plain", "plain"),
        ("{% render 'one', a: recipient.name %}!", "Hi {{ a }}", "Hi Rosa!"),
        ("{% render 'one', a: 'x', limit: 2, for: data.for %}",
         "{{ a }}{{ limit }}{{ for }}", "x2x"),
        ("{% render 'one' %}", "[{{ recipient.name }}{{ title }}{{ data.no }}]", "[]"),
        ("{% assign x = 1 %}{% render 'one' %}{{ y }}", "{{ x }}{% assign y = 2 %}", ""),
        ("{% render 'one' %}", "{{ vars.branding.primary_color }}{{ vars.api_key }}", "#123456"),
        ("{% render 'one', a: data.no %}", "{% if a %}text{% endif %}{{ a }}", "textfalse"),
        ("{% render 'one', a: data.items %}", "{{ a }}|{{ a[0].n }}", '[{"n":1},{"n":2}]|'),
        ("{% assign j = data.items | json %}{% render 'one', a: j %}",
         "{% assign l = a | from_json %}{{ l[1].n }}", "2"),
        ("{% for i in data.items %}{% render 'one', n: i.n %}{% endfor %}", "<{{ n }}>", "<1><2>"),
        ("{% if true %}{% render 'one' %}{% endif %}", "in", "in"),
    ],
)  # fmt: skip
def test_a_partial_sees_its_inputs_as_texts(source: str, partial: str, shown: str) -> None:
    """Nothing of who renders it is seen but the branding, and nothing of it leaks out."""
    assert show(source, one=partial) == shown


@pytest.mark.parametrize(
    ("kind", "settings", "given", "shown"),
    [
        ("boolean", {}, "data.no", "no"),
        ("boolean", {}, "'true'", "yes"),
        ("boolean", {"default": True}, None, "yes"),
        ("number", {}, "'7'", "yes8"),
        ("number", {"default": 4}, None, "yes5"),
        ("text", {}, None, "yes"),
        ("text", {"default": "d"}, None, "yesd"),
        ("text", {}, "data.items", 'yes[{"n": 1}, {"n": 2}]'),
        ("list", {}, "data.items", "yes1"),
        ("list", {}, "'[{\"n\": 5}]'", "yes5"),
        ("list", {"default": [{"n": 9}]}, None, "yes9"),
        ("list", {}, "'no list'", "yes"),
        ("json", {}, "data.items", "yes1"),
        ("json", {}, "'not json'", "yesnot json"),
        ("json", {}, None, "no"),
        ("multi_select", {"options": [{"value": "a"}]}, "'[\"a\"]'", "yes"),
    ],
)
def test_a_field_restores_the_type(kind: str, settings: Any, given: str | None, shown: str) -> None:
    """An input with a field has its type; without a value the default of the field."""
    field = {"key": "a", "type": kind, "label": "A", "settings": settings}
    body = "{% if a %}yes{% else %}no{% endif %}" + {
        "number": "{{ a | plus: 1 }}",
        "list": "{{ a[0].n }}",
        "json": "{{ a[0].n | default: a }}" if given else "",
        "text": "{{ a }}",
    }.get(kind, "")
    passed = f", a: {given}" if given else ""
    assert show(f"{{% render 'one'{passed} %}}", one=html(body, field)) == shown


@pytest.mark.parametrize(
    ("settings", "given", "shown"),
    [
        ({}, "'**x** & y'", "<p><strong>x</strong> &amp; y</p>"),
        ({}, "mixed", "<p>Rosa**</p>"),
        ({}, None, ""),
        ({"default": "*d*"}, None, "<p><em>d</em></p>"),
        ({}, "' <b>**x**</b>'", " <b>**x**</b>"),
    ],
)
def test_markdown_becomes_html(settings: Any, given: str | None, shown: str) -> None:
    """Of a field of Markdown a partial sees the HTML; what is HTML already stays as it is."""
    field = {"key": "a", "type": "markdown", "label": "A", "settings": settings}
    passed = f", a: {given}" if given else ""
    source = "{% assign mixed = recipient.name | append: '**' %}{% render 'one'" + passed + " %}"
    assert show(source, one=html("{{ a }}", field)).rstrip("\n") == shown


def test_buttons_and_images_are_objects() -> None:
    """A button has text and action, an image url, alt and action, by default those of its parts."""
    part = {"type": "text", "key": "x", "label": None}
    button = {
        "type": "button",
        "key": "b",
        "label": "B",
        "text": {**part, "settings": {"default": "Go"}},
        "action": part,
    }
    partial = html("{{ b.text }}>{{ b.action }}", button)
    assert show("{% render 'one' %}", one=partial) == "Go>"
    given = """{% render 'one', b: '{"text": "T", "action": "/x"}' %}"""
    assert show(given, one=partial) == "T>/x"


def test_partials_render_partials_five_deep() -> None:
    """A chain of five partials renders; a sixth, or a circle, is an error with its way."""
    chain = {f"p{n}": f"{n}{{% render 'p{n + 1}' %}}" for n in range(1, 5)}
    assert show("{% render 'p1' %}", **chain, p5="end") == "1234end"
    with pytest.raises(LiquidError, match=r"partial 'p1', line 1, column 5: .*at most 5 levels"):
        show("{% render 'p1' %}", **chain, p5="{% render 'p6' %}", p6="")
    with pytest.raises(LiquidError, match="at most 5 levels deep"):
        show("{% render 'a' %}", a="{% render 'a' %}")


@pytest.mark.parametrize(
    ("source", "partial", "message", "line"),
    [
        ("a\n{% render 'two' %}", "", "there is no published partial 'two'", 2),
        ("\n\n{% render 'one' %}", "x\n{{ 'a' | compare_versions: 'b' }}",
         "partial 'one', line 2, column 10: .*is not a version", 3),
        ("{% if true %}\n{% render 'one' %}{% endif %}", "{% nope %}", "partial 'one'", 2),
    ],
)  # fmt: skip
def test_errors_name_the_partial_and_both_lines(
    source: str, partial: str, message: str, line: int
) -> None:
    """An error inside a partial says where in it, and where it is rendered."""
    with pytest.raises(LiquidError, match=message) as failure:
        show(source, one=partial)
    assert failure.value.at is not None
    assert failure.value.at.line == line


def test_partials_spend_from_one_budget() -> None:
    """Steps and output of partials count for whoever renders them."""
    library = Library({"one": Partial(PartialType.TEXT, "{% for i in (1..1000) %}xx{% endfor %}")})
    for limits in (Limits(steps=3000), Limits(output=5000)):
        with pytest.raises(LiquidError):
            render_text(
                "{% for i in (1..3) %}{% render 'one' %}{% endfor %}",
                {},
                limits,
                lookups=Lookups(library=library),
            )
    explosion = {f"p{n}": f"{{% render 'p{n + 1}' %}}" * 400 for n in range(1, 5)}
    with pytest.raises(LiquidError, match=r"steps|too long"):
        show("{% render 'p1' %}", **explosion, p5="{{ 'x' }}")


@pytest.mark.parametrize(
    "source",
    [
        "{% render key %}",
        "{% render 'a' with data %}",
        "{% render 'a' for data.items as i %}",
        "{% render %}",
        "{% render 'a', b %}",
    ],
)
def test_a_key_is_written_out(source: str) -> None:
    """Content has to tell what it refers to, so a key is no expression; inputs have names."""
    assert check_source(source)


def test_what_a_template_renders_is_found() -> None:
    """Also in branches, in the order of the source, each once; a broken template has none."""
    source = "{% if a %}{% render 'x' %}{% endif %}{% render 'y' %}{% render 'x' %}"
    assert partials_in(source) == ["x", "y"]
    assert partials_in("{% raw %}{% render 'x' %}{% endraw %}{{ 'render' }}") == []
    assert partials_in("{% render 'x' %}{% if %}") == []


def test_a_partial_may_take_long() -> None:
    """How long a partial takes is not known from the template, so it is never quick."""
    assert show("{% render 'quickly' %}", quickly="x") == "x"
    assert not is_quick("{% render 'quickly' %}")


def test_without_a_library_there_are_none() -> None:
    """Where nothing can be looked up, no partial is rendered either."""
    with pytest.raises(LiquidError, match="cannot be rendered here"):
        render_text("{% render 'one' %}", {})
