"""No template holds a worker or fills its memory: each of these ends with a LiquidError.

The limits of time are set so high that only bounded work can end a rendering within the test's
own time-out.
"""

from __future__ import annotations

import pytest

from templating.limits import MAX_SOURCE, MAX_STRING
from templating.liquid.environment import Limits, LiquidError, render_text
from templating.liquid.scan import MAX_TAG, MAX_TAGS
from templating.markup.html_text import html_to_text
from templating.markup.markdown import markdown_to_safe_html

PATIENT = Limits(seconds=3600, output=5_000_000)
LONG = "(1..10000)"


def doubled(times: int) -> str:
    """Return a template that doubles a string that often."""
    return "{% assign s = 'xxxxxxxxxx' %}" + "{% assign s = s | append: s %}" * times


def doubled_list(times: int) -> str:
    """Return a template that doubles a list of one long string that often."""
    return (
        doubled(15) + "{% assign l = s | split: ',' %}" + "{% assign l = l | concat: l %}" * times
    )


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("{% for i in (1..10001) %}x{% endfor %}", id="long loop"),
        pytest.param(
            "{% for i in (1..101) %}{% for j in (1..101) %}{% endfor %}{% endfor %}",
            id="nested loops",
        ),
        pytest.param(f"{{% for i in {LONG} %}}{{% endfor %}}" * 200, id="empty loops in sequence"),
        pytest.param(
            f"{{% for i in {LONG} %}}{{% assign x = 1 %}}{{% endfor %}}" * 100,
            id="blank loops in sequence",
        ),
        pytest.param(
            f"{{% for i in {LONG} %}}{'{% if true %}{% endif %}' * 200}{{% endfor %}}",
            id="a loop of many constant conditions",
        ),
        pytest.param(
            f"{{% for i in {LONG} %}}{{% if {' or '.join(['a == b'] * 200)} %}}{{% endif %}}"
            "{% endfor %}",
            id="a loop over one huge condition",
        ),
        pytest.param(
            f"{{% tablerow i in {LONG} cols: 1 %}}{{% endtablerow %}}" * 40, id="tables in sequence"
        ),
        pytest.param("{% for i in (1..999999999999) reversed %}{% endfor %}", id="reversed range"),
        pytest.param(
            "{% for i in (1..99999999999) offset: 9999999999 limit: 1 %}{% endfor %}",
            id="offset into a range",
        ),
        pytest.param("{{ (1..10000000) | join: ',' }}", id="joined range"),
        pytest.param("{{ (1..3000000) | sum }}", id="summed range"),
        pytest.param("{{ 'x' | append: (1..3000000) }}", id="range as an argument"),
        pytest.param("{% if (1..99999999999) contains 1.5 %}{% endif %}", id="range membership"),
        pytest.param(
            "{% case 1 %}{% when (1..99999999999) %}{% endcase %}", id="range in a case"
        ),
        pytest.param("{% cycle (1..99999999999), 2 %}", id="range in a cycle"),
        pytest.param("{{ (1..data) | size }}", id="range with an end from the data"),
        pytest.param(doubled(40), id="doubled string"),
        pytest.param(
            "{% assign s = 'xxxxxxxxxx' %}" + "{% assign s = s | replace: 'x', s %}" * 20,
            id="exponential replace",
        ),
        pytest.param(
            doubled(16) + "{{ s | replace: '', s }}", id="replace of nothing by something"
        ),
        pytest.param(doubled(16) + "{{ s | split: '' | size }}", id="string split to characters"),
        pytest.param(doubled_list(20), id="doubled list"),
        pytest.param(doubled_list(8) + "{{ l | join }}", id="list of one string joined"),
        pytest.param(
            "{% assign n = 9 %}" + "{% assign n = n | times: n %}" * 40, id="squared number"
        ),
        pytest.param("{{ '1e999999999' | currency }}", id="number with a huge exponent"),
        pytest.param("{{ '1e999' | ceil }}", id="infinity"),
        pytest.param("{{ 'now' | date: f }}", id="long date format"),
        pytest.param("{{ f | from_json }}", id="long JSON"),
        pytest.param("{{ nested | from_json }}", id="deeply nested JSON"),
        pytest.param("{{ data_graph | json }}", id="JSON of shared parts"),
        pytest.param("{{ data_graph }}", id="printed shared parts"),
        pytest.param(
            "".join(
                "{% capture a" + str(n) + " %}{{ f }}{% endcapture %}" for n in range(100)
            ),
            id="many captures",
        ),
        pytest.param("{{ f }}" * 100, id="long output"),
        pytest.param("{{ f | from_markdown }}", id="long Markdown"),
        pytest.param("{{ brackets | from_markdown }}", id="Markdown of brackets"),
        pytest.param("{% if true %}" * 50 + "{% endif %}" * 50, id="deep nesting"),
        pytest.param("{{ " + "a[" * 5000 + "0" + "]" * 5000 + " }}", id="deep path"),
        pytest.param("{% if " + " and ".join(["a"] * 3000) + " %}{% endif %}", id="deep condition"),
        pytest.param("{% raw %}" * 50_000, id="unclosed raw blocks"),
        pytest.param("{{" + " " * 400_000, id="unclosed output of blanks"),
        pytest.param("{{" + " " * 400_000 + "}}", id="closed output of blanks"),
        pytest.param("{% if" + " " * 10_000 + "%}", id="blanks after a tag's name"),
        pytest.param("{%" + "a" * 400_000, id="unclosed tag name"),
        pytest.param("{{ '" + "x" * MAX_TAG + "' }}", id="long tag"),
        pytest.param("{{ x }}" + "x" * MAX_SOURCE, id="long source"),
        pytest.param("{{ x }}" * (MAX_TAGS + 1), id="many tags"),
        pytest.param("x" * (MAX_SOURCE + 1), id="long source without Liquid"),
        pytest.param("{% for x in (1..2) %}{% for y in forloop %}{% endfor %}{% endfor %}",
                     id="loop over the loop itself"),
        pytest.param("{{ 'x' | append: context: 'y' }}", id="the guard's own argument"),
        pytest.param("{{ 'x' | escape: environment: 'y' }}", id="the engine's own argument"),
    ],
)  # fmt: skip
def test_hostile_template_is_stopped(source: str) -> None:
    """Bounded work ends the rendering, although time would allow an hour."""
    row = {"text": "x" * 1000}
    scope = {
        "a": 1,
        "b": 2,
        "data": 10**9,
        "f": "1" * 300_000,
        "nested": "[" * 100_000,
        "brackets": "[" * 5000,
        "data_graph": [[row] * 1000] * 1000,
    }
    with pytest.raises(LiquidError):
        render_text(source, scope, PATIENT)


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..100) %}{% endfor %}",
        "{% for i in (1..100) %}{% increment n %}{% endfor %}",
        "{{ 'x' }}{{ 'x' }}{{ 'x' }}",
        "{% if a or b or c %}{% endif %}",
        "{% assign x = 'x' | upcase | downcase | upcase %}",
        "{% capture x %}a{{ b }}{% endcapture %}",
    ],
)
def test_every_kind_of_work_is_counted(source: str) -> None:
    """Nodes, look-ups and filters each cost a step; without steps nothing is rendered."""
    render_text(source, {}, Limits(seconds=3600))
    with pytest.raises(LiquidError, match="too many steps"):
        render_text(source, {}, Limits(seconds=3600, steps=2))


def test_time_runs_out() -> None:
    """A deadline that has passed ends the rendering at the next step."""
    with pytest.raises(LiquidError, match="too long"):
        render_text("{{ a }}", {}, Limits(seconds=-1))


def test_produced_data_is_counted_together() -> None:
    """Filters that each stay within bounds may not go on producing for ever."""
    source = "{% for i in (1..100) %}{% assign x = s | upcase %}{% endfor %}"
    with pytest.raises(LiquidError, match="too much data"):
        render_text(source, {"s": "x" * (MAX_STRING - 1)}, PATIENT)


def test_long_lists_of_the_data_can_be_looked_at() -> None:
    """A long list is no error as long as only its size or ends are asked for."""
    scope = {"rows": list(range(50_000))}
    source = "{{ rows | size }} {{ rows.first }} {{ rows | last }}"
    assert render_text(source, scope) == "50000 0 49999"
    looped = "{% for row in rows limit: 2 %}{{ row }}{% endfor %}"
    assert render_text(looped, scope) == "01"


@pytest.mark.parametrize(
    "piece", ["<a ", "<a x='", "<!--", "<a/", "</", "<script>", '<a "', "<a x='>", "<", "<?", "<!"]
)
def test_unclosed_html_is_read_to_its_end(piece: str) -> None:
    """What is never closed is text or nothing; reading it takes Python's parser minutes."""
    html = piece * (200_000 // len(piece))
    assert html_to_text(html) in ("", html.strip())
    stripped = render_text("{{ s | strip_html }}", {"s": html[:40_000]}, Limits(output=1_000_000))
    assert len(stripped) <= 40_000


@pytest.mark.parametrize(
    "text",
    [
        "|" + "a|" * 2000 + "\n|" + "-|" * 2000 + "\n" + "a\n" * 8000,
        "`" * 30_000,
        "*a_ " * 8000,
        "> " * 16_000,
    ],
)
def test_hostile_markdown_ends(text: str) -> None:
    """Markdown within the size limit is rendered without the table rule's explosion."""
    assert len(markdown_to_safe_html(text)) < 10 * len(text)
