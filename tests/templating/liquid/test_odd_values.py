"""Null, missing and odd types: no filter, operator or tag halts a run or prints Python's words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from templating.limits import LiquidError
from templating.liquid.environment import _LIQUID_ENV, check_source, render_text
from templating.liquid.lookups import Lookups

SCOPE: dict[str, Any] = {
    "nix": None,
    "yes": True,
    "no": False,
    "int": 7,
    "float": 2.5,
    "minus": -3,
    "blank_text": "",
    "text": "ab c",
    "digits": "12",
    "list": [3, None, "a", True, {"n": 1}, [1]],
    "none_of_it": [],
    "objects": [{"n": 2}, {"m": 1}, {"n": None}, {"n": 1}],
    "object": {"n": 1, "k": None},
    "empty_object": {},
}
NAMES = ["missing", "v.nix", *(f"v.{name}" for name in SCOPE if name != "nix")]
ARGUMENTS = ["missing", "v.nix", "v.yes", "v.int", "v.float", "v.text", "v.list", "v.object"]
PYTHON = re.compile(r"\bNone\b|Undefined|object at|'n':|Decimal|\bnan\b|\binf\b|range\(|Loop")
# Knock's own that say so when they cannot work, rather than printing something wrong.
STRICT = {
    "base64_decode": "not base64",
    "base64_url_safe_decode": "not base64",
    "compare_versions": "is not a version",
    "currency": "is not a currency code",
    "rounded_currency": "is not a currency code",
    "format_date_in_locale": "unknown format",
    "format_datetime_in_locale": "unknown format",
    "from_json": "from_json",
}


def outcome(source: str, allowed: str | None = None) -> str:
    """Render a source with odd values; an allowed error prints nothing."""
    try:
        return render_text(source, {"v": SCOPE}, lookups=Lookups())
    except LiquidError as error:
        if "argument" in error.message or (allowed is not None and allowed in error.message):
            return ""
        raise AssertionError(f"{source}: {error}") from error


@pytest.mark.parametrize("name", sorted(_LIQUID_ENV.filters))
def test_filters(name: str) -> None:
    """Every filter takes every value, alone and with every argument."""
    for value in NAMES:
        sources = [f"{{{{ {value} | {name} }}}}"]
        sources += [f"{{{{ {value} | {name}: {argument} }}}}" for argument in ARGUMENTS]
        sources += [f"{{{{ {value} | {name}: 'n', {argument} }}}}" for argument in ARGUMENTS[1::4]]
        for source in sources:
            assert not PYTHON.search(outcome(source, STRICT.get(name))), source


@pytest.mark.parametrize("name", sorted(_LIQUID_ENV.filters))
def test_numbers_of_arguments(name: str) -> None:
    """A number of arguments with which a filter always fails is told at once, and no other one."""
    for arguments in ("", ": v.nix", *(": v.nix" + ", v.nix" * more for more in (1, 2, 3, 4))):
        source = f"{{{{ v.nix | {name}{arguments} }}}}"
        try:
            failure = ""
            render_text(source, {"v": SCOPE}, lookups=Lookups())
        except LiquidError as error:
            failure = error.message
        assert bool(check_source(source)) is ("argument" in failure), source


@pytest.mark.parametrize("operator", ["==", "!=", "<>", "<", ">", "<=", ">=", "contains", "and"])
def test_operators(operator: str) -> None:
    """Every operator compares everything with everything, and words of Liquid."""
    operands = [*NAMES, "blank", "empty", "'x'", "nil", "true", "(1..3)"]
    for left in operands:
        sources = [
            f"{{% if {left} {operator} {right} %}}y{{% else %}}n{{% endif %}}" for right in operands
        ]
        for source in sources:
            assert outcome(source) in {"y", "n"}, source


@pytest.mark.parametrize("value", NAMES)
def test_tags_and_paths(value: str) -> None:
    """Every value may be looped over, limit a loop, index, and be printed."""
    sources = [
        f"{{% for i in {value} %}}{{{{ i }}}}{{{{ forloop }}}}{{% endfor %}}",
        f"{{% for i in v.list limit: {value} %}}{{{{ i }}}}{{% endfor %}}",
        f"{{% for i in v.list offset: {value} %}}{{{{ i }}}}{{% endfor %}}",
        f"{{% for i in ({value}..{value}) %}}{{{{ i }}}}{{% endfor %}}",
        f"{{% tablerow i in v.list cols: {value} %}}{{{{ tablerowloop }}}}{{% endtablerow %}}",
        f"{{{{ v.object[{value}] }}}}{{{{ v.list[{value}] }}}}{{{{ v.text[{value}] }}}}",
        f"{{{{ {value}.first }}}}{{{{ {value}.last }}}}{{{{ {value}.size }}}}{{{{ {value}.a.b }}}}",
        f"{{% case {value} %}}{{% when nil %}}n{{% when 7, v.list %}}7{{% endcase %}}",
        f"{{% cycle {value}, {value} %}}",
        f"{{% assign x = {value} %}}{{{{ x }}}}{{% echo x %}}",
        f"{{% unless {value} %}}{{{{ {value} }}}}{{% endunless %}}",
    ]
    for source in sources:
        assert not PYTHON.search(outcome(source)), source


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ v.nix | slice: 0, 2 }}|{{ 'abc' | slice: -2, 2 }}|{{ 'abc' | slice: -9 }}", "|bc|"),
        ("{{ 'abc' | slice: missing, 2 }}|{{ 'abc' | slice: 1, missing }}", "ab|b"),
        ("{{ 2.5 | round }} {{ -2.5 | round }} {{ 2.675 | round: 2 }} {{ 5 | round: 2 }}",
         "3 -3 2.68 5"),
        ("{{ 0.00001 }} {{ 0.5 | times: 0.0001 }} {{ 100000000000000000000.5 | plus: 0.5 }}",
         "0.00001 0.00005 100000000000000000000"),
        ("{{ 1234 | round: -2 }} {{ '2.5' | round: missing }}", "1200 3"),
        ("{{ 0.1 | plus: 0.2 }} {{ '12 apples' | plus: 1 }} {{ v.nix | minus: 2 }}", "0.3 13 -2"),
        ("{{ 7 | divided_by: 2 }} {{ 7 | divided_by: 2.0 }} {{ -7 | divided_by: 2 }}", "3 3.5 -4"),
        ("{{ 7 | divided_by: missing }}{{ 7 | modulo: 0 }}", ""),
        ("{{ -5.5 | modulo: 2 }} {{ -7 | modulo: 3 }}", "0.5 2"),
        ("{{ v.yes | plus: 1 }} {{ v.list | plus: 1 }} {{ 3 | at_least: v.nix }}", "1 1 3"),
        ("{{ v.objects | sort: 'n' | json }}",
         '[{"n":1},{"n":2},{"m":1},{"n":null}]'),
        ("{{ v.list | sort | json }}", '[1,3,"a",true,{"n":1},null]'),
        ("{{ v.objects | map: 'n' | compact | json }}", "[2,1]"),
        ("{{ v.objects | sum: 'n' }} {{ v.list | sum }}", "3 4"),
        ("{{ v.objects | where: 'n' | size }}{{ v.objects | where: 'n', 1 | size }}", "21"),
        ("{{ v.objects | reject: 'n' | size }}{{ v.objects | has: 'n', 2 }}", "2true"),
        ("{{ v.objects | find: 'n', 1 | json }}{{ v.objects | find_index: 'n', 1 }}", '{"n":1}3'),
        ("{{ missing | concat: v.nix | json }}{{ 'a' | concat: 'b' | json }}", '[]["a","b"]'),
        ("{{ 'a b c' | truncatewords: 3 }}|{{ 'a b c' | truncatewords: 2, v.nix }}", "a b c|a b"),
        ("{{ 'abcdef' | truncate: 5 }}|{{ 'abc' | truncate: missing }}", "ab...|abc"),
        ("{{ 'ab' | remove_last: 'ab' }}{{ 'ab' | replace_last: 'a', 'c' }}", "cb"),
        ("{% if '7' > 5 %}y{% endif %}{% if 5 <= '7' %}y{% endif %}{% if 'x' > 5 %}n{% endif %}",
         "yy"),
        ("{% if v.list contains 1 %}n{% endif %}{% if v.list contains v.yes %}y{% endif %}", "y"),
        ("{% if 'is true' contains v.yes %}y{% endif %}{% if v.object contains 'k' %}y{% endif %}",
         "yy"),
        ("{% for i in v.list limit: 0 %}n{% endfor %}{% for i in 'a' limit: nil %}y{% endfor %}",
         "y"),
        ("{{ v.objects.first.n }}{{ v.list | first }}{{ 'ab' | first }}", "23"),
        ("{% assign k = 'b b' %}{% assign o = '{\"b b\": {\"t\": 1}}' | from_json %}{{ o[k].t }}",
         "1"),
    ],
)  # fmt: skip
def test_values(source: str, expected: str) -> None:
    """What these print is what Shopify's Liquid prints, where that prints anything."""
    assert render_text(source, {"v": SCOPE}) == expected
