"""The filter and the tag `t`: which text is found, and what is rendered in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.content.translation import TRANSLATION, Translations, Translator
from domain.kit.json_types import JsonObject
from templating.limits import LiquidError, Position
from templating.liquid.environment import check_source, is_quick, render_text
from templating.liquid.library import Library
from templating.liquid.lookups import Lookups

SCOPE = {"recipient": {"name": "Rosa"}, "data": {"n": 3}}
TEXTS: dict[str, JsonObject] = {
    "en": {
        "hello": "Hello {{ name }}",
        "nested": {"deep": {"er": "en deep"}},
        "items": {"zero": "none", "one": "one thing", "other": "{{ count }} things"},
        "few": {"one": "one", "other": "{{ count }}"},
        "Dear {{ recipient.name }}": "Hi, {{ recipient.name }}",
        "only": "en only",
        "circle": "{{ 'circle' | t }}",
        "broken": "\n\n{% render 'none' %}",
        "unread": "\n{{ recipient.name | nope }}",
        "a.b": "flat",
        "As {{ recipient.name }} has it": "As {{ recipient.name }} has it",
    },
    "en/admin": {"hello": "Admin {{ name }}"},
    "fr": {
        "hello": "Bonjour {{ name }}",
        "region": "fr",
        "things": {"one": "une chose", "other": "{{ count }} choses"},
    },
    "fr-BE": {"region": "fr-BE"},
    "de": {
        "{{ n }} said": "{{ n }} sagte ({{ forloop.index }}/{{ forloop.length }})",
        "said": "{{ n }} sagte",
    },
    "en~acme": {"hello": "Acme {{ name }}"},
    "fr~acme": {"region": "acme fr"},
    "ru": {"things": {"one": "one", "few": "{{ count }} few", "other": "{{ count }}"}},
    "pl": {"files": {"one": "plik", "few": "{{ count }} pliki", "other": "{{ count }} plików"}},
}


def show(source: str, locale: str = "en", tenant: str = "", **scope: Any) -> str:
    """Render a source for somebody."""
    stored = {key: TRANSLATION.read({"content": _json(texts)}, key) for key, texts in TEXTS.items()}
    translator = Translator(Translations.of(stored), locale, tenant, "en")
    library = Library(translator=translator)
    return render_text(source, {**SCOPE, **scope}, lookups=Lookups(library=library))


def _json(texts: JsonObject) -> str:
    return json.dumps(texts)


@pytest.mark.parametrize(
    ("locale", "tenant", "source", "shown"),
    [
        ("en", "", "{{ 'hello' | t: name: 'A' }}", "Hello A"),
        ("fr", "", "{{ 'hello' | t: name: 'A' }}", "Bonjour A"),
        ("fr-BE", "", "{{ 'hello' | t: name: 'A' }}", "Bonjour A"),
        ("fr-BE", "", "{{ 'region' | t }}", "fr-BE"),
        ("fr_be", "", "{{ 'region' | t }}", "fr-BE"),
        ("fr-CA", "", "{{ 'region' | t }}", "fr"),
        ("de", "", "{{ 'only' | t }}", "en only"),
        ("", "", "{{ 'only' | t }}", "en only"),
        ("fr-BE", "acme", "{{ 'region' | t }}", "acme fr"),
        ("fr-BE", "acme", "{{ 'hello' | t: name: 'A' }}", "Acme A"),
        ("fr", "other", "{{ 'hello' | t: name: 'A' }}", "Bonjour A"),
        ("en", "", "{{ 'admin:hello' | t: name: 'A' }}", "Admin A"),
        ("en", "", "{{ 'nowhere:hello' | t }}", ""),
        ("en", "", "{{ 'nested.deep.er' | t | upcase }}", "EN DEEP"),
        ("en", "", "{{ 'nested.deep' | t }}", ""),
        ("en", "", "{{ 'a.b' | t }}", "flat"),
        ("en", "", "{{ 'missing' | t | default: 'Hi' }}", "Hi"),
        ("en", "", "{{ 'hello' | t }}", "Hello "),
        ("en", "", "{{ data.none | t }}", ""),
    ],
)
def test_a_text_is_found_by_tenant_and_ever_less_of_the_locale(
    locale: str, tenant: str, source: str, shown: str
) -> None:
    """The tenant's texts first, each time by locale, by language, and by the default locale."""
    assert show(source, locale, tenant) == shown


@pytest.mark.parametrize(
    ("locale", "key", "count", "shown"),
    [
        ("en", "items", 0, "none"),
        ("en", "items", 1, "one thing"),
        ("en", "items", 2, "2 things"),
        ("en", "items", "1", "one thing"),
        ("en", "items", -5, "-5 things"),
        ("en", "few", 0, "0"),
        ("en", "items", 1.5, "1.5 things"),
        ("pl", "files", 1, "plik"),
        ("pl", "files", 3, "3 pliki"),
        ("pl", "files", 5, "5 plików"),
        # CLDR has `one` for 0 in French, and for 21 in Russian.
        ("fr", "things", 0, "0 choses"),
        ("fr", "things", 1, "une chose"),
        ("ru", "things", 21, "21"),
        ("ru", "things", 22, "22 few"),
    ],
)
def test_plural_forms(locale: str, key: str, count: Any, shown: str) -> None:
    """Zero where there is one, one, other; a language's own forms where the text has them."""
    assert show(f"{{{{ '{key}' | t: count: n }}}}", locale, n=count) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{% t %}Dear {{ recipient.name }}{% endt %}", "Hi, Rosa"),
        ("{% t %} Dear {{ recipient.name }} {% endt %}", "Hi, Rosa"),
        ("{%- t -%}Dear {{ recipient.name }}{%- endt -%}", "Hi, Rosa"),
        ("{% t %}Not {{ recipient.name }}{% endt %}!", "Not Rosa!"),
        ("{% t %}nested{% endt %}", "nested"),
        ("{% t %}{% if data.n %}{{ data.n }}{% endif %}{% endt %}", "3"),
    ],
)
def test_the_tag_looks_for_its_own_text(source: str, shown: str) -> None:
    """The text as it is written is the key; without a translation it is rendered itself."""
    assert show(source) == shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (
            "{% for n in names %}{% t %}{{ n }} said{% endt %};{% endfor %}",
            "Ada sagte (1/2);Bob sagte (2/2);",
        ),
        ("{% for n in names %}{{ 'said' | t }};{% endfor %}", "Ada sagte;Bob sagte;"),
        ("{% for n in names %}{{ 'said' | t: n: 'Eve' }};{% endfor %}", "Eve sagte;Eve sagte;"),
        (
            "{% tablerow n in names %}{{ 'said' | t }}{% endtablerow %}",
            '<tr class="row1">\n<td class="col1">Ada sagte</td>'
            '<td class="col2">Bob sagte</td></tr>\n',
        ),
        ("{% assign n = 'Ada' %}{{ 'said' | t }}", "Ada sagte"),
    ],
)
def test_a_text_sees_all_that_is_around_it(source: str, shown: str) -> None:
    """The variables of loops among it, and how far they are."""
    assert show(source, "de", names=["Ada", "Bob"]) == shown


def test_a_text_that_says_itself_is_rendered_where_it_stands() -> None:
    """Its blanks stay: a commit that collects it changes no message."""
    assert show("{% t %} As {{ recipient.name }} has it {% endt %}") == " As Rosa has it "


def test_texts_may_not_go_round_in_circles() -> None:
    """A text that renders itself is an error, not a fault."""
    with pytest.raises(LiquidError, match="nested at most"):
        show("{{ 'circle' | t }}")


@pytest.mark.parametrize(
    ("source", "line", "column", "said"),
    [
        ("a\n b {% t %}broken{% endt %}", 2, 7, "translation 'broken', line 3, column 4: "),
        ("a\n b {{ 'broken' | t }}", 2, 4, "translation 'broken', line 3, column 4: "),
        ("a\n{% t %}unread{% endt %}", 2, 4, "translation 'unread', line 2, column 21: "),
        ("{% t %}circle{% endt %}", 1, 4, "translation 'circle', line 1, column 1: translation"),
    ],
)
def test_what_is_wrong_in_a_text_is_told_where_it_is_used(
    source: str, line: int, column: int, said: str
) -> None:
    """The place is one of the template, and the words name the text and the place in it."""
    with pytest.raises(LiquidError) as raised:
        show(source)
    assert raised.value.at == Position(line, column)
    assert raised.value.message.startswith(said)


def test_the_tag_takes_nothing_and_is_closed() -> None:
    """Arguments and a missing end are refused; unknown keys are not, for they may come later."""
    assert check_source("{% t x %}a{% endt %}")
    assert check_source("{% t %}a")
    assert check_source("{% t %}{{ a | nope }}{% endt %}")
    assert not check_source("{% t %}a{% endt %}{{ 'missing.key' | t }}")


def test_texts_may_take_long() -> None:
    """How long a text takes is not known from the template."""
    source = "{{ 'only' | t }}{% t %}x{% endt %}"
    assert show(source) == "en onlyx"
    assert not is_quick(source)


def test_without_a_library_there_are_none() -> None:
    """Where nothing is looked up there are no translations."""
    for source in ("{{ 'a' | t }}", "{% t %}a{% endt %}"):
        with pytest.raises(LiquidError, match="cannot be looked up here"):
            render_text(source, {})
