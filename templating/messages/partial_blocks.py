"""Visual blocks of type `partial`: what their attributes give becomes the inputs of the partial."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.liquid import has_liquid
from templating.limits import LiquidError
from templating.liquid.printing import to_text

_KEY = re.compile(r"[a-z0-9_-]{3,255}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,254}")
# A single output statement: its value is handed over as it is, rather than as text.
_VALUE = re.compile(r"\s*\{\{-?((?:(?!\{\{|\}\}).)*?)-?\}\}\s*", re.DOTALL)


def source_of_partial(block: JsonObject) -> str:
    """Write the Liquid that renders a partial with the attributes of its block.

    Raises:
        LiquidError: the key, or the name of an attribute, cannot be one.
    """
    key = to_text(block.get("key"))
    if not _KEY.fullmatch(key):
        raise LiquidError(f"'{key[:64]}' is not the key of a partial")
    attributes = block.get("attrs")
    written: list[str] = []
    given: list[str] = []
    for index, (name, value) in enumerate((attributes or {}).items()):
        if not _NAME.fullmatch(name):
            raise LiquidError(f"'{name[:64]}' is not a valid name for an input")
        variable = f"block_input_{index}"
        written.extend(_assigned(variable, value))
        given.append(f", {name}: {variable}")
    return "".join([*written, f"{{% render '{key}'{''.join(given)} %}}"])


def _assigned(variable: str, value: JsonValue) -> Iterator[str]:
    """Write the statements that give a variable a value whose strings are Liquid."""
    if isinstance(value, str):
        single = _VALUE.fullmatch(value)
        if single is not None:
            yield f"{{% assign {variable} = {single[1].strip()} %}}"
        else:
            yield f"{{% capture {variable} %}}{value}{{% endcapture %}}"
    elif value is not None:
        inner: list[str] = []
        text = _json(value, variable, inner)
        yield from inner
        yield f"{{% capture {variable} %}}{text}{{% endcapture %}}"


def _json(value: JsonValue, variable: str, inner: list[str]) -> str:
    """Write a value as Liquid that renders to its JSON; what it needs before goes to `inner`."""
    if isinstance(value, dict):
        members = (
            f"{_json(name, variable, inner)}:{_json(member, variable, inner)}"
            for name, member in value.items()
        )
        # Blanks keep what are two braces of JSON from being two of Liquid.
        return "{ " + ",".join(members) + " }"
    if isinstance(value, list):
        return "[" + ",".join(_json(member, variable, inner) for member in value) + "]"
    if not isinstance(value, str) or not has_liquid(value):
        return json.dumps(value, ensure_ascii=False)
    name = f"{variable}_{len(inner)}"
    inner.append(f"{{% capture {name} %}}{value}{{% endcapture %}}")
    return f"{{{{ {name} | json }}}}"
