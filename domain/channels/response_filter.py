"""What a feed's answers show of people, data and variables: the setting `response_filter`.

Source: Knock docs, "In-app notifications with Knock", "Customizing API response content". A feed is
read by browsers, and shows all by default, custom properties included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeAlias

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations

RESPONSE_FILTER = "response_filter"
# The names of members, from the outermost. One without any leads to the object itself.
_Path: TypeAlias = tuple[str, ...]
_MOST_PATHS, _MOST_LEVELS, _LONGEST_PATH = 100, 10, 1024
_FORMS = "must be true, false, or an object with `only` or `except`"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of an object: all of it, unless something else is said.

    Attributes:
        is_hidden: whether it is left out as a whole.
        only: leads to the members that are shown, and nothing else is; None for all.
        besides: leads to the members that are not.
    """

    is_hidden: bool = False
    only: tuple[_Path, ...] | None = None
    besides: tuple[_Path, ...] = ()

    def of(self, whole: JsonObject) -> JsonObject:
        """Return what is shown of an object; of one that is hidden, nothing."""
        if self.is_hidden or () in self.besides:
            return {}
        kept: JsonObject = whole if self.only is None else _picked(whole, self.only)
        return _without(kept, self.besides) if self.besides else kept

    def within(self, name: str) -> Shown:
        """Return the same for what stands under a name, as if paths began there too."""

        def inner(paths: Sequence[_Path]) -> tuple[_Path, ...]:
            return tuple(path[1:] if path[0] == name else path for path in paths)

        only = None if self.only is None else inner(self.only)
        return Shown(self.is_hidden, only, inner(self.besides))


ALL, NONE = Shown(), Shown(is_hidden=True)


@dataclass(frozen=True, slots=True)
class ResponseFilter:
    """What a feed shows of each thing that it may show.

    Attributes:
        vars: the variables of the environment.
        actor: everybody who has caused an item.
        recipient: whose feed it is.
        data: what triggers carried.
    """

    vars: Shown = field(default=ALL)
    actor: Shown = field(default=ALL)
    recipient: Shown = field(default=ALL)
    data: Shown = field(default=ALL)


_NAMES = tuple(each.name for each in fields(ResponseFilter))
_HIDES_ALL = ResponseFilter(**dict.fromkeys(_NAMES, NONE))


def parse_response_filter(raw: JsonValue, place: str) -> ResponseFilter:
    """Read the setting as an operator writes it; null is one that is not set.

    Args:
        raw: `{"actor": {"only": ["id", "address.city"]}, "vars": false}`, for example.
        place: where it stands.

    Raises:
        InvalidParams: with everything that is wrong in it. A name that is not known is, because
            what it was meant to hide would be shown.
    """
    if raw is None:
        return ResponseFilter()
    if not isinstance(raw, dict):
        raise InvalidParams.of(place, "must be an object")
    violations = Violations()
    found = {}
    for name, value in raw.items():
        if name in _NAMES:
            found[name] = _shown(value, f"{place}.{name}", violations)
        else:
            violations.add(f"{place}.{name[:255]}", f"must be one of: {', '.join(_NAMES)}")
    violations.raise_any()
    return ResponseFilter(**found)


def read_response_filter(settings: Mapping[str, JsonValue]) -> ResponseFilter:
    """Read it from the stored settings of a channel; one that cannot be read hides all."""
    try:
        return parse_response_filter(settings.get(RESPONSE_FILTER), RESPONSE_FILTER)
    except InvalidParams:
        return _HIDES_ALL


def _shown(raw: JsonValue, place: str, violations: Violations) -> Shown:
    if raw is None or raw is True:
        return ALL
    if raw is False:
        return NONE
    if not isinstance(raw, dict) or raw.keys() not in ({"only"}, {"except"}):
        violations.add(place, _FORMS)
        return NONE
    ((word, paths),) = raw.items()
    found = _paths(paths, f"{place}.{word}", violations)
    return Shown(only=found) if word == "only" else Shown(besides=found)


def _paths(raw: JsonValue, place: str, violations: Violations) -> tuple[_Path, ...]:
    if not isinstance(raw, list):
        violations.add(place, "must be a list of paths")
        return ()
    if len(raw) > _MOST_PATHS:
        violations.add(place, f"must have at most {_MOST_PATHS} entries")
        return ()
    found = []
    for index, text in enumerate(raw):
        path = tuple(text.split(".")) if isinstance(text, str) else ()
        if not all(path) or not path or len(text) > _LONGEST_PATH or len(path) > _MOST_LEVELS:
            violations.add(
                f"{place}[{index}]",
                f"must be a path, such as address.city, of at most {_MOST_LEVELS} names",
            )
        found.append(path)
    return tuple(found)


def _picked(node: JsonValue, paths: Sequence[_Path]) -> JsonValue:
    """Return of an object the members that paths lead to; a list is gone through by element."""
    if () in paths:
        return node
    if isinstance(node, list):
        return [_picked(element, paths) for element in node if isinstance(element, (dict, list))]
    return {
        name: _picked(node[name], rests)
        for name, rests in _by_name(paths).items()
        if name in node and (() in rests or isinstance(node[name], (dict, list)))
    }


def _without(node: JsonValue, paths: Sequence[_Path]) -> JsonValue:
    """Return of an object the members that no path leads to; the same for lists."""
    if isinstance(node, list):
        return [_without(element, paths) for element in node]
    if not isinstance(node, dict):
        return node
    dropped = _by_name(paths)
    return {
        name: _without(value, dropped[name]) if name in dropped else value
        for name, value in node.items()
        if () not in dropped.get(name, ())
    }


def _by_name(paths: Sequence[_Path]) -> dict[str, list[_Path]]:
    found: dict[str, list[_Path]] = {}
    for name, *rest in paths:
        found.setdefault(name, []).append(tuple(rest))
    return found
