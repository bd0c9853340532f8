"""Shapes that several bodies have stand once in a document, among its components."""

from __future__ import annotations

from collections.abc import Mapping

from domain.kit.json_types import JsonObject, JsonValue

_OWN, _SHARED = "#/$defs/", "#/components/schemas/"


def share_body(operation: JsonObject, components: JsonObject) -> None:
    """Move the definitions of an operation's body, if it has any, to the components.

    One that is otherwise under that name already, as an answer may be, gets a name of its own.

    Args:
        operation: gets a body that refers to them; what its route says stays as it is.
        components: get what is new.
    """
    body = operation.get("requestBody", {})
    content = body.get("content", {}).get("application/json", {})
    definitions: JsonObject = content.get("schema", {}).get("$defs", {})
    if not definitions:
        return
    names = {name: name for name in definitions}
    # A shape that leads to one with another name is another shape, too.
    while taken := [
        name
        for name, definition in definitions.items()
        if names[name] == name and name in components
        if components[name] != _referring(definition, names)
    ]:
        names |= {name: f"{name}Body" for name in taken}
    for name, definition in definitions.items():
        shape = _referring(definition, names)
        if components.setdefault(names[name], shape) != shape:
            raise ValueError(f"There are two shapes of the name {names[name]}.")
    own = {name: value for name, value in content["schema"].items() if name != "$defs"}
    json_body = {**content, "schema": _referring(own, names)}
    operation["requestBody"] = {**body, "content": {"application/json": json_body}}


def _referring(node: JsonValue, names: Mapping[str, str]) -> JsonValue:
    """Return a schema that refers to the components under these names."""
    if isinstance(node, dict):
        return {key: _referring(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [_referring(value, names) for value in node]
    if isinstance(node, str) and node.startswith(_OWN):
        return _SHARED + names.get(node.removeprefix(_OWN), node.removeprefix(_OWN))
    return node
