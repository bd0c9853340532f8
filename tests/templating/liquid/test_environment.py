"""Liquid as Knock's templates expect it: printing, truthiness, errors with their lines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.kit.clock import utc_now
from templating.liquid.environment import Limits, LiquidError, check_source, is_quick, render_text

SCOPE = {
    "recipient": {"name": "Rosa"},
    "data": {"list": ["a", "b"], "object": {"k": "é", "l": [1, True, None]}, "rows": [{"id": 1}]},
    "yes": True,
    "no": False,
    "ratio": 1.0,
    "nothing": None,
}


def test_source_without_liquid_is_its_own_result() -> None:
    """Text without a delimiter comes back as it is, even when Liquid would choke on it."""
    assert render_text("plain } text %} {", {}) == "plain } text %} {"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ data.object }}", '{"k":"é","l":[1,true,null]}'),
        ("{{ data.rows }}", '[{"id":1}]'),
        ("{{ data.list }}", "ab"),
        ("{% echo data.object.l %}", "1true"),
        ("{{ yes }}{{ no }}{{ nothing }}{{ missing.deep.path }}{{ ratio }}", "truefalse1.0"),
        ("{{ (1..3) }}", "1..3"),
        ("{{ yes | append: no }}{{ data.object | append: nothing }}", "truefalse"
         '{"k":"é","l":[1,true,null]}'),
        ("{{ data.list | join }}/{{ data.rows | join: ',' }}", 'a b/{"id":1}'),
    ],
)  # fmt: skip
def test_values_print_as_documented(source: str, expected: str) -> None:
    """Objects print as JSON, lists of scalars joined, booleans in lower case, nothing as empty."""
    assert render_text(source, SCOPE) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("missing != blank", "no"),
        ("nothing == blank", "yes"),
        ("no == blank", "yes"),
        ("blank == missing", "yes"),
        ("data.list != blank", "yes"),
        ("recipient.name != blank", "yes"),
        ("'  ' == blank", "yes"),
        ("'' ", "yes"),
        ("0", "yes"),
        ("missing", "no"),
        ("no", "no"),
    ],
)
def test_truth_and_blankness(condition: str, expected: str) -> None:
    """Only false and nil are false; blank is all that is missing, empty or white space."""
    source = "{% if " + condition + " %}yes{% else %}no{% endif %}"
    assert render_text(source, SCOPE) == expected


def test_system_clock_names_are_no_variables() -> None:
    """A template sees only its scope: the engine's own `now` and `today` are gone."""
    assert render_text("{{ now }}{{ today }}{{ partial }}", {}) == ""


def test_cycle_alternates_by_its_text() -> None:
    """Two cycles with the same words advance together, others on their own."""
    source = "{% for i in (1..3) %}{% cycle 'a', 'b' %}{% cycle 'x': 1, 2, 3 %}{% endfor %}"
    assert render_text(source, {}) == "a1b2a3"


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("a\n{{ b | nothing_like_it }}", "unknown filter 'nothing_like_it'", 2),
        ("\n\n{% user %}", "unexpected tag 'user'", 3),
        ("x\n{% render 'footer' %}", "cannot be rendered here", 2),
        ("{% include 'footer' %}", "does not exist", 1),
        ("x\n{{ never closed", "expected '}}'", 2),
        ("\n{% raw %}{{ x }}", "endraw", 2),
        ("{{ }}", "empty", 1),
        ("{% if a %}\n", "endif", 2),
        ("\n{% break %}", "break", 2),
    ],
)
def test_errors_name_the_line(source: str, message: str, line: int | None) -> None:
    """A broken template says what is wrong and where."""
    with pytest.raises(LiquidError) as caught:
        render_text(source, {})
    assert message in caught.value.message
    assert (caught.value.at.line if caught.value.at else None) == line


def test_failing_filter_names_its_own_line() -> None:
    """A filter that fails at run time is placed where it stands, also inside a block."""
    with pytest.raises(LiquidError) as caught:
        render_text("{% if true %}\n\n{{ 'x' | from_json }}{% endif %}", {})
    assert caught.value.at == (3, 10)
    assert caught.value.message.startswith("from_json:")


def test_check_finds_every_unknown_filter() -> None:
    """Checking goes on after the first unknown filter, also into branches and arguments."""
    source = "{{ a | one }}\n{% case a %}{% when 1 %}{% assign b = c | two %}{% endcase %}"
    assert [error.at for error in check_source(source)] == [(1, 8), (2, 43)]
    assert check_source("{{ a | upcase }}") == []


def test_compiled_templates_are_kept() -> None:
    """What was rendered once is compiled, and then known to be quick."""
    source = "{{ a | upcase }} kept {% if b %}{{ c }}{% endif %}"
    assert not is_quick(source)
    render_text(source, {})
    assert is_quick(source)


@pytest.mark.parametrize(
    "source",
    [
        "{%  for a in b %}{% endfor %}",
        "{%- for a in b -%}{% endfor %}",
        "{% tablerow a in b %}{% endtablerow %}",
        "{% if x %}{% liquid\n if y\n for a in b\n endfor\n endif %}{% endif %}",
        "{{ 'x' | from_markdown }}",
        "{{ a | upcase | strip | size }}" * 40,
    ],
)
def test_loops_and_many_filters_are_not_quick(source: str) -> None:
    """How long a template may take is read from what it was parsed to, not from its text."""
    render_text(source, {})
    assert not is_quick(source)


def test_text_without_liquid_is_quick() -> None:
    """Nothing to render is quick, the word "for" in it or not."""
    assert is_quick("wait for a { % for } while")


def test_captures_and_output_share_the_limit() -> None:
    """A capture may not be longer than what is left of the output."""
    source = "{% capture x %}{{ word }}{% endcapture %}"
    with pytest.raises(LiquidError, match="too long"):
        render_text(source, {"word": "é" * 6}, Limits(output=10))
    assert render_text(source, {"word": "é" * 5}, Limits(output=10)) == ""


def test_now_is_the_current_instant() -> None:
    """`now` given to the date filter is the present time in UTC."""
    printed = int(render_text("{{ 'now' | date: '%s' }}", {}))
    assert abs(printed - utc_now().timestamp()) < timedelta(minutes=1).total_seconds()


WORDS = ("and", "as", "blank", "cols", "contains", "continue", "else", "empty", "false", "for",
         "if", "in", "limit", "nil", "not", "null", "offset", "or", "required", "reversed",
         "true", "with")  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize(
    "source",
    [
        "{{ data.%s }}",
        "{{ data.%s.size | minus: 1 | append: data.%s | slice: 1 }}",
        "{%% if data.%s == 'v' and data.%s contains 'v' %%}v{%% endif %%}",
        "{%% assign x = data.%s %%}{{ x }}",
        "{%% for i in data.%s limit: 1 %%}{{ i }}{%% endfor %%}",
        "{%% liquid\n if data.%s == 'v'\n echo data.%s\n endif %%}",
        "{%% case data.%s %%}{%% when 'v' %%}v{%% endcase %%}",
    ],
)
def test_words_of_liquid_are_names_of_properties(source: str, word: str) -> None:
    """Data may be named as callers like: behind a dot no word has another meaning."""
    filled = source.replace("%%", "%").replace("%s", word)
    assert render_text(filled, {"data": {word: "v"}}) == "v"


@pytest.mark.parametrize("word", ["as", "cols", "continue", "for", "limit", "offset", "with"])
def test_words_of_loops_are_names_elsewhere(word: str) -> None:
    """A name at the root may be a word that means something to loops and partials only."""
    source = f"{{{{ {word} }}}}{{% if {word} == 'v' %}}{{{{ 'a' | append: {word} }}}}{{% endif %}}"
    assert render_text(source, {word: "v"}) == "vav"
    loop = "{% for i in (1..9) limit: 2 offset: 1 reversed %}{{ i }}{% endfor %}"
    assert render_text(loop, {"limit": 5}) == "32"
