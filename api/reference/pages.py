"""Writes an OpenAPI document as one readable HTML page without scripts or outside parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from domain.kit.json_types import JsonObject

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 62rem; padding: 2rem 1rem; }
h1 { margin-top: 0 } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line) }
code, pre { font: 14px/1.45 ui-monospace, monospace }
h4 { margin: 1.25rem 0 .25rem } table { overflow-wrap: break-word }
details { border: 1px solid var(--line); border-radius: 4px; margin: .5rem 0;
  padding: .5rem .75rem }
summary { cursor: pointer } .method { display: inline-block; min-width: 4.5rem; font-weight: 700 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .25rem .5rem;
  border-bottom: 1px solid var(--line); vertical-align: top } .soft { opacity: .7 }
"""
_METHODS = ("get", "post", "put", "delete", "patch")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def render_landing() -> str:
    """Return the page that `/docs` shows."""
    links = (
        ("/docs/knock", "Knock API", "trigger workflows, identify recipients, read messages"),
        ("/docs/management", "Management API", "define, commit and promote workflows; channels"),
    )
    items = "".join(
        f'<li><a href="{path}">{name}</a>: {text} '
        f'(<a href="{path}/openapi.json">OpenAPI document</a>)</li>'
        for path, name, text in links
    )
    return _page("Carillon: API reference", f"<h1>Carillon: API reference</h1><ul>{items}</ul>")


def render_reference(document: JsonObject) -> str:
    """Return the page of one OpenAPI document: operations by tag, then schemas."""
    info = document["info"]
    parts = [
        '<p><a href="/docs">All documents</a></p>',
        f"<h1>{escape(info['title'])}</h1><p>{escape(info.get('description', ''))}</p>",
        *_operations(document),
        *_schemas(document),
    ]
    return _page(info["title"], "".join(parts))


def _operations(document: JsonObject) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["Other"])[0]
                by_tag.setdefault(tag, []).append(_operation(method, path, item[method]))
    for tag, operations in by_tag.items():
        yield f"<h2>{escape(tag)}</h2>{''.join(operations)}"


def _operation(method: str, path: str, operation: JsonObject) -> str:
    heading = (
        f'<summary><span class="method">{method.upper()}</span> <code>{escape(path)}</code> '
        f'<span class="soft">{_prose(operation["summary"])}</span></summary>'
    )
    text = operation.get("description", "")
    description = f"<p>{_prose(text)}</p>" if text.rstrip(".") != operation["summary"] else ""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    shown = f"<h4>Body</h4>{_table(body['schema'])}" if body else ""
    return (
        f"<details>{heading}{description}{_parameters(operation)}{shown}"
        f"{''.join(_responses(operation))}</details>"
    )


def _parameters(operation: JsonObject) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(found['name'])}</code></td><td>{escape(found['in'])}</td>"
        f"<td>{_type(found.get('schema', {}))}</td>"
        f"<td>{_prose(found.get('description', ''))}</td></tr>"
        for found in operation.get("parameters", [])
    )
    head = "<tr><th>Parameter</th><th>In</th><th>Type</th><th>Meaning</th></tr>"
    return f"<table>{head}{rows}</table>" if rows else ""


def _responses(operation: JsonObject) -> Iterator[str]:
    for status, response in operation.get("responses", {}).items():
        content = response.get("content", {}).get("application/json", {}).get("schema")
        yield (
            f"<h4>{escape(status)} <span class='soft'>{escape(response['description'])}</span>"
            f"</h4>{_answer(content) if content else ''}"
        )


def _schemas(document: JsonObject) -> Iterator[str]:
    schemas = document.get("components", {}).get("schemas", {})
    if schemas:
        yield "<h2>Schemas</h2>"
    for name, schema in schemas.items():
        # The id is inside, because a browser opens what hides the target of a link.
        yield (
            f"<details><summary><code>{escape(name)}</code></summary>"
            f'<div id="{escape(name)}"><p>{_prose(schema.get("description", ""))}</p>'
            f"{_table(schema)}</div></details>"
        )


def _answer(schema: JsonObject) -> str:
    return f"<p>{_type(schema)}</p>"


def _table(schema: JsonObject) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_type(member)}</td>"
        f"<td>{'<b>Required.</b> ' if is_required else ''}"
        f"{_prose(member.get('description', ''))}</td></tr>"
        for name, member, is_required in _members(schema, "")
    )
    head = "<tr><th>Member</th><th>Type</th><th>Meaning</th></tr>"
    return f"<table>{head}{rows}</table>" if rows else f"<p>{_type(schema)}</p>"


def _members(schema: JsonObject, prefix: str) -> Iterator[tuple[str, JsonObject, bool]]:
    """Yield path, schema and necessity of every member, those of nested objects after theirs."""
    required = schema.get("required", [])
    for name, member in schema.get("properties", {}).items():
        yield f"{prefix}{name}", member, name in required
        for choice in [member, *member.get("anyOf", [])]:
            yield from _members(choice, f"{prefix}{name}.")
            yield from _members(choice.get("items", {}), f"{prefix}{name}[].")


def _type(schema: JsonObject) -> str:
    """Return the type of a value in a few words; a named shape is a link to it."""
    reference = str(schema.get("$ref", ""))
    if reference:
        name = escape(reference.rpartition("/")[2])
        return f'<a href="#{name}"><code>{name}</code></a>'
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    if values:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in values)
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("format", kind)))


def _prose(text: str) -> str:
    """Escape a text, and show what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
