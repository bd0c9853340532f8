"""Whether MJML with Liquid in it can be compiled, as far as that can be told without values."""

from __future__ import annotations

import pytest

from templating.limits import Position
from templating.markup.mjml_compiler import MjmlError
from templating.messages.mjml_check import check_mjml


def _document(body: str, head: str = "") -> str:
    return f"<mjml><mj-head>{head}</mj-head>\n<mj-body>{body}</mj-body></mjml>"


@pytest.mark.parametrize(
    "source",
    [
        _document("{{ content }}"),
        _document("<mj-section {% if a %}padding='{{ b }}'{% endif %}>{{ content }}</mj-section>"),
        _document(
            "", "{% if a %}<mj-title>a</mj-title>{% else %}<mj-title>b</mj-title>{% endif %}"
        ),
        _document("{% case a %} x {% when 1 %}<mj-raw>a</mj-raw>{% else %}<p>{% endcase %}"),
        _document("{% for i in a %}<mj-text>{{ i }} < 3</mj-text>{% endfor %}"),
        "{% capture s %}<mj-bod>{% endcapture %}" + _document("{{ s }}"),
        "{% comment %}<mj-bod>{% endcomment %}" + _document("{% render 'a' %}"),
        # Nobody can tell.
        "{% render 'email' %}",
        "<!-- a --> {{ data.email }}",
        "{% assign a = 1 %}{% render 'head' %}<mj-body></mj-body></mjml>",
        "{% if a %}{% else %}" + _document("{{ content }}") + "{% endif %}",
        _document("{% if a %}<mj-section>{% else %}<mj-section b='c'>{% endif %}</mj-section>"),
        _document("<mj-section a={{ b }}></mj-section>"),
        _document("<{{ a }}></{{ a }}>"),
    ],
)
def test_what_may_be_compiled(source: str) -> None:
    """Nothing is refused that values can make right."""
    assert check_mjml(source) is None


@pytest.mark.parametrize(
    ("source", "at"),
    [
        (_document("{{ a }}<mj-section>\n"), (2, 17)),
        ("<mjml>{{ a }}\n <mj-bod>{{ content }}</mj-bod></mjml>", (2, 2)),
        (_document("{% if a %}\n<mj-social><p></mj-social>{% endif %}"), (3, 12)),
        ("<html>{{ content }}</html>", (1, 1)),
        ("{% assign a = 1 %}<html>{% render 'b' %}</html>", (1, 19)),
    ],
)
def test_what_cannot_be_compiled(source: str, at: tuple[int, int]) -> None:
    """The place is that in the source, Liquid and all."""
    refused = check_mjml(source)
    assert refused is not None
    assert refused.at == Position(*at)


@pytest.mark.parametrize(
    ("source", "at"),
    [
        ("<mj-text>{{ a }}</mj-text>", None),
        ("<p>{{ a }}", None),
        ("{{ a }}<mj-section>", (1, 8)),
        ("{{ a }}\n<mj-section a=b />", (2, 1)),
    ],
)
def test_a_part_of_a_document(source: str, at: tuple[int, int] | None) -> None:
    """What stands in a layout has no root of its own."""
    refused = check_mjml(source, is_part=True)
    assert (refused and refused.at) == (at and Position(*at))


def test_what_becomes_too_long() -> None:
    """A small source may become a large document, and is refused without a place."""
    refused = check_mjml(_document("<mj-section><mj-column /></mj-section>\n" * 6_000))
    assert isinstance(refused, MjmlError)
    assert (refused.message, refused.at) == ("The MJML becomes too long.", None)
