"""How often a JSON Schema looks at one place of the data: what bounds the cost of judging.

References let a short schema multiply itself: two to the same place, twenty levels deep, look at a
single value a million times. So the visits are counted before a schema is used, without data: a
value is visited once for each subschema that applies to it, and its members by theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from domain.kit.json_types import JsonObject, JsonValue

MAX_SUBSCHEMAS = 2_000
MAX_VISITS = 10_000
# How deep bodies may be nested, and with them the data.
_MAX_DEPTH = 64
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Their values are data, whatever they look like.
DATA = frozenset({"const", "default", "enum", "examples"})
# Where a subschema applies: keywords whose value is one, and keywords that hold several.
_EDGES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "here",
        ("not", "if", "then", "else"),
        ("allOf", "anyOf", "oneOf", "dependentSchemas", "dependencies"),
    ),
    (
        "every_property",
        ("additionalProperties", "unevaluatedProperties", "propertyNames"),
        ("patternProperties",),
    ),
    ("every_item", ("items", "additionalItems", "unevaluatedItems", "contains"), ()),
    ("single", (), ("properties", "prefixItems")),
)
Place = tuple[str | int, ...]


class SchemaFault(ValueError):
    """A schema that cannot be used; `place` leads to what is wrong in it."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass(slots=True)
class _Node:
    """A subschema: what else applies to the same value, and what to its members."""

    place: Place
    here: list[int]
    every_property: list[int]
    every_item: list[int]
    single: list[int]
    reference: str = ""


@dataclass(frozen=True, slots=True)
class SchemaGrowth:
    """How deep data may be nested that a schema judges; None: as deep as any."""

    deepest: int | None = None

    @classmethod
    def of(cls, schema: JsonObject) -> SchemaGrowth:
        """Count the visits of a schema that is valid otherwise.

        Raises:
            SchemaFault: a reference leads nowhere or in a circle, or the schema is too large or
                looks at a value too often.
        """
        graph = _Graph(schema)
        order = graph.inner_first()
        visits = [0] * len(graph.nodes)
        for depth in range(1, _MAX_DEPTH + 1):
            before = visits
            visits = graph.one_level_deeper(order, before)
            if visits[0] > MAX_VISITS:
                if depth < 3:
                    raise SchemaFault(
                        (), "would check a value too often, because its references multiply"
                    )
                return cls(depth - 1)
            if visits == before:
                break
        return cls()


class _Graph:
    """The subschemas of a schema, the whole of it first."""

    def __init__(self, schema: JsonObject) -> None:
        self._root = schema
        self._index: dict[int, int] = {}
        self._anchors: dict[str, JsonObject] = {}
        self.nodes: list[_Node] = []
        for node in _objects(schema):
            for name in ("$anchor", "$dynamicAnchor", "$id", "id"):
                if isinstance(node.get(name), str):
                    self._anchors.setdefault(node[name].removeprefix("#"), node)
        waiting: list[tuple[JsonObject, Place]] = [(schema, ())]
        self._add(schema, (), waiting)
        while waiting:
            node, place = waiting.pop()
            self._connect(node, place, waiting)

    def inner_first(self) -> list[int]:
        """Order the subschemas so that those which apply to the same value come first.

        Raises:
            SchemaFault: they apply in a circle, and so without an end.
        """
        order: list[int] = []
        state = [0] * len(self.nodes)  # 0: not met, 1: under way, 2: done
        for start in range(len(self.nodes)):
            stack = [start]
            while stack:
                index = stack[-1]
                node = self.nodes[index]
                if state[index] == 0:
                    state[index] = 1
                    for one in node.here:
                        if state[one] == 1:
                            place = (*node.place, node.reference)
                            raise SchemaFault(place, "refers to itself")
                        if state[one] == 0:
                            stack.append(one)
                else:
                    stack.pop()
                    if state[index] == 1:
                        state[index] = 2
                        order.append(index)
        return order

    def one_level_deeper(self, order: list[int], before: list[int]) -> list[int]:
        """Return the visits along the costliest path through data that is one level deeper.

        Args:
            order: see `inner_first`.
            before: the visits of each subschema through data of one level less.
        """
        visits = [0] * len(self.nodes)
        for index in order:
            node = self.nodes[index]
            members = max((before[one] for one in node.single), default=0) + max(
                sum(before[one] for one in node.every_property),
                sum(before[one] for one in node.every_item),
            )
            total = 1 + members + sum(visits[one] for one in node.here)
            visits[index] = min(total, MAX_VISITS + 1)
        return visits

    def _add(self, node: JsonObject, place: Place, waiting: list[Any]) -> int:
        found = self._index.get(id(node))
        if found is None:
            if len(self.nodes) == MAX_SUBSCHEMAS:
                raise SchemaFault((), f"must have at most {MAX_SUBSCHEMAS:,} subschemas")
            found = self._index[id(node)] = len(self.nodes)
            self.nodes.append(_Node(place, [], [], [], []))
            if place:
                waiting.append((node, place))
        return found

    def _connect(self, node: JsonObject, place: Place, waiting: list[Any]) -> None:
        entry = self.nodes[self._index[id(node)]]
        for target, single, several in _EDGES:
            edges: list[int] = getattr(entry, target)
            found: list[tuple[Place, JsonValue]] = [((name,), node.get(name)) for name in single]
            found += [edge for name in several for edge in _members(name, node.get(name))]
            if target == "single" and isinstance(node.get("items"), list):
                found += _members("items", node["items"])
            for steps, value in found:
                if isinstance(value, dict):
                    edges.append(self._add(value, (*place, *steps), waiting))
        for name in REFERENCES:
            if isinstance(node.get(name), str):
                entry.reference = name
                referred = self._resolve(node[name])
                if referred is None:
                    raise SchemaFault((*place, name), "does not lead to a place in this schema")
                if isinstance(referred, dict):
                    entry.here.append(self._add(referred, (*place, name), waiting))

    def _resolve(self, reference: str) -> JsonValue | None:
        """Return the subschema that `#…` names; true and false are schemas too."""
        fragment = unquote(reference.removeprefix("#"))
        if not fragment:
            return self._root
        if not fragment.startswith("/"):
            return self._anchors.get(fragment)
        place: JsonValue = self._root
        for part in fragment[1:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(place, list) and key.isdecimal() and int(key) < len(place):
                place = place[int(key)]
            elif isinstance(place, dict) and key in place:
                place = place[key]
            else:
                return None
        return place if isinstance(place, dict | bool) else None


def _members(name: str, value: JsonValue) -> list[tuple[Place, JsonValue]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value or ())
    return [((name, key), member) for key, member in pairs]


def _objects(schema: JsonObject) -> Iterator[JsonObject]:
    """Yield every object of a schema, leaving plain data out."""
    waiting: list[JsonValue] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(member for key, member in value.items() if key not in DATA)
        elif isinstance(value, list):
            waiting.extend(value)
