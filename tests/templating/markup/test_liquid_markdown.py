"""Markdown around Liquid: tags that span lines stand between blocks, all else is words."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.translation import TRANSLATION, Translations, Translator
from templating.limits import LiquidError
from templating.liquid.environment import render_text
from templating.liquid.library import Library
from templating.liquid.lookups import Lookups
from templating.markup.liquid_markdown import liquid_markdown_to_html as html
from tests.support.tracing import untraced

BRANCHES = """{% if n > 1 %}{{ a }} and others replied.
{% elsif n == 1 %}{{ a }} replied.
{% else %}Nobody replied.
> {{ q }}
{% endif %}"""


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("**{{ a.name }}** said", "<p><strong>{{ a.name }}</strong> said</p>"),
        (
            "[x](https://a.example/?b={{ c }})",
            '<p><a href="https://a.example/?b={{ c }}">x</a></p>',
        ),
        ("[{{ u }}]({{ u }})", '<p><a href="{{ u }}">{{ u }}</a></p>'),
        ("{% if a %}Yes. {% endif %}No.", "<p>{% if a %}Yes. {% endif %}No.</p>"),
        ("one\n{% if a %}\ntwo\n{% endif %}", "<p>one</p>\n{% if a %}\n<p>two</p>\n{% endif %}"),
        ("one {% if a %}\ntwo{% endif %}", "<p>one {% if a %}\ntwo{% endif %}</p>"),
        ("{% assign b = 1 %}\n# {{ b }}", "{% assign b = 1 %}\n<h1>{{ b }}</h1>"),
        ("{% raw %}{{ a }}{% endraw %} b", "<p>{% raw %}{{ a }}{% endraw %} b</p>"),
        ("{{ a\n}}", "<p>{{ a\n}}</p>"),
        ("{% t %}Hi {{ a }}{% endt %}", "<p>{% t %}Hi {{ a }}{% endt %}</p>"),
    ],
)
def test_liquid_stays_as_it_is(source: str, expected: str) -> None:
    """What Liquid holds is never Markdown, and Markdown around it is none of Liquid's."""
    assert html(source).strip() == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("_{{ a }}_", "<em>{{ a }}</em>"),
        ("Hi _{% if x %}a{% endif %}_", "Hi <em>{% if x %}a{% endif %}</em>"),
        ("at{% if x %} _{{ a }}_{% endif %} is", "at{% if x %} <em>{{ a }}</em>{% endif %} is"),
        ("{% if x %}_{{ a }}_{% endif %}", "{% if x %}<em>{{ a }}</em>{% endif %}"),
        ("{% if x %}__b__{% else %}*c*{% endif %}d",
         "{% if x %}<strong>b</strong>{% else %}<em>c</em>{% endif %}d"),
        ("{{ a }}_b_", "{{ a }}<em>b</em>"),
        ("_b_{{ a }}c", "<em>b</em>{{ a }}c"),
        ('{{ a }}**"b"**{{ c }}', "{{ a }}<strong>&quot;b&quot;</strong>{{ c }}"),
        ("**{{ a }}**s, s**{{ a }}**", "<strong>{{ a }}</strong>s, s<strong>{{ a }}</strong>"),
        ("***{{ a }}***{% endif %}", "<em><strong>{{ a }}</strong></em>{% endif %}"),
        # Names and numbers that values are parts of.
        ("order_{{ a }}_x", "order_{{ a }}_x"),
        ("{{ a }}_{{ b }}_{{ c }}", "{{ a }}_{{ b }}_{{ c }}"),
        ("{{ a }} _ {{ b }} * {{ c }}", "{{ a }} _ {{ b }} * {{ c }}"),
        ("_ {{ a }}_ {{ b }}", "_ {{ a }}_ {{ b }}"),
        ("\\_{{ a }}_", "_{{ a }}_"),
    ],
)  # fmt: skip
def test_emphasis_may_touch_liquid(source: str, expected: str) -> None:
    """Beside Liquid it begins and ends as beside the braces that are written there."""
    assert html(source).strip() == f"<p>{expected}</p>"


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (2, "<p>Ian and others replied.</p>"),
        (1, "<p>Ian replied.</p>"),
        (0, "<p>Nobody replied.</p><blockquote><p>Hm</p></blockquote>"),
    ],
)
def test_each_way_through_is_whole(n: int, expected: str) -> None:
    """Whichever branch is taken, every element that opens is closed."""
    rendered = render_text(html(BRANCHES), {"n": n, "a": "Ian", "q": "Hm"})
    assert "".join(rendered.split("\n")).strip() == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% t %}Hi **{{ a }}**{% endt %}", "<p>Hi <strong>A</strong></p>"),
        ("*{%- t -%} Hi [x]({{ a }}) {% endt %}*", '<p><em>Hi <a href="A">x</a> </em></p>'),
        ("a {% t %}*b*{% endt %} c", "<p>a <em>b</em> c</p>"),
        ("{% t %}# Hi{% endt %}", "<h1>Hi</h1>"),
        ("a\n\n{% t %}\n\n- b\n- c\n{% endt %}\n\nd",
         "<p>a</p><ul><li>b</li><li>c</li></ul><p>d</p>"),
        ("Only {% t %}- 5{% endt %} left", "<p>Only - 5 left</p>"),
        ("Your order {% t %}# **{{ a }}**{% endt %} is",
         "<p>Your order # <strong>A</strong> is</p>"),
        ("{% t %}1. b{% endt %} c\n\n- {% t %}> _d_{% endt %}",
         "<p>1. b c</p><ul><li>&gt; <em>d</em></li></ul>"),
        ("a {% t %}b\n\nc{% endt %} d", "<p>a bc d</p>"),
        ("{% t %}known **text**{% endt %}", "<p>found **A**</p>"),
        ("{% t %}{% endt %}{% t %}**{% t %}**{% endt %}", None),
    ],
)  # fmt: skip
def test_the_text_of_a_translation_is_markdown(source: str, expected: str | None) -> None:
    """It is found as it is written, and shown as HTML; what is found for it is no Markdown."""
    stored = {"en": TRANSLATION.read({"content": '{"known **text**": "found **{{ a }}**"}'}, "en")}
    library = Library(translator=Translator(Translations.of(stored), "en", "", "en"))
    with suppress(LiquidError) if expected is None else nullcontext():
        shown = render_text(html(source), {"a": "A"}, lookups=Lookups(library=library))
        assert "".join(shown.split("\n")).strip() == expected


def test_a_value_is_not_markdown() -> None:
    """What a value holds is written as it is, asterisks and all."""
    assert render_text(html("{{ a }}"), {"a": "**b**"}).strip() == "<p>**b**</p>"


@given(st.text(alphabet="ab *_#>\n-[](){%}if ", max_size=60))
def test_every_piece_of_liquid_comes_back(text: str) -> None:
    """Whatever stands around it, an output is there once, and nothing of ours is left."""
    made = html(f"{text}\n\n{{{{ mark }}}}")
    assert made.count("{{ mark }}") == 1
    assert "zqLiq" not in made


@untraced
@pytest.mark.parametrize(
    "source",
    [
        "{{ " * 60_000,
        "{% a " * 40_000,
        "{% raw %}" * 16_000,
        "{% comment %}{% t %}" * 10_000,
        "{% if a %}" * 12_000,
        "{% if a %}\n" * 12_000,
        "{{ a }} " * 15_000,
        "{% if a %}b" * 5_000 + "{% endif %}" * 5_000,
        "{% assign a = 1 %}" * 10_000,
        "{% t %}- a{% endt %} " * 11_000,
    ],
    ids=lambda source: source[:24].strip(),
)
def test_liquid_is_found_in_linear_time(source: str) -> None:
    """What no parser of Markdown has seen yet may be long, open or deep, and takes no minutes."""
    start = thread_time()
    with suppress(LiquidError):
        html(source)
    assert thread_time() - start < 5


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ a\n}} {% if b %}\nc\n{% endif %}", "<p>{{ a\n}} {% if b %}\nc\n{% endif %}</p>"),
        ("{{ a }}{% if b %}\nc\n{% endif %}", "<p>{{ a }}</p>\n{% if b %}\n<p>c</p>\n{% endif %}"),
        ("{% assign a = 1 %} {{ a }}\nb", "{% assign a = 1 %}\n<p>{{ a }}\nb</p>"),
        ("{% assign a = 1 %} {{ a\n}}", "<p>{% assign a = 1 %} {{ a\n}}</p>"),
        ("{% raw %} {% if b %}", "{% raw %}\n{% if b %}"),
        ("{{{% if a %}b{% endif %}", "<p>{{{% if a %}b{% endif %}</p>"),
    ],
)
def test_what_stands_on_a_line(source: str, expected: str) -> None:
    """Liquid alone makes no line of words, but what ends on it does; what is open is text."""
    assert [line for line in html(source).split("\n") if line] == expected.split("\n")
