"""What a user may switch on the page of its preferences, and what its switches come to.

Source: Knock docs, "Hosted preference center". The page is about the set `default`. What depends on
conditions, or on a default that beats what recipients say, is shown and cannot be changed there.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from domain.kit.json_types import JsonObject, JsonValue
from domain.preferences.center import Row, RowType
from domain.preferences.layers import laid_over
from domain.preferences.names import CHANNEL_TYPES, COMMERCIAL, REPLACE, STRATEGY
from domain.preferences.rows import StoredSet

_SECTIONS = {RowType.CATEGORY: "categories", RowType.WORKFLOW: "workflows"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One switch.

    Attributes:
        row: what it belongs to.
        channel_type: which part of the row it is about; None for the row as a whole.
        is_on: how it stands.
        is_fixed: whether it can only be looked at.
        follows: the channel type by which a channel stands that has no value of its own.
    """

    row: Row
    channel_type: str | None
    is_on: bool
    is_fixed: bool
    follows: str | None = None

    @property
    def name(self) -> str:
        """Return what a form calls it: the same for as long as it is about the same."""
        return json.dumps([self.row.type, self.row.identifier, self.channel_type])


def choices_of(
    rows: Iterable[Row], stored: StoredSet, channel_types: Mapping[str, str]
) -> list[Choice]:
    """Return the switches of a page as they stand.

    Args:
        rows: in order.
        stored: the user's set `default`, with the defaults below it.
        channel_types: the type of each channel, by id; a row about another one is left out.
    """
    seen, below = stored.resolved(), stored.environment or {}
    return [
        choice
        for row in rows
        for choice in _choices(row, seen, below, channel_types.get(row.identifier or ""))
    ]


def _choices(
    row: Row, seen: JsonObject, below: JsonObject, channel_type: str | None
) -> Iterator[Choice]:
    match row.type:
        case RowType.COMMERCIAL:
            yield _switch(row, None, seen.get(COMMERCIAL))
        case RowType.CHANNEL_TYPES:
            fixed = _is_fixed(below, "channel_types")
            for one in row.channel_types or CHANNEL_TYPES:
                yield _switch(row, one, _object(seen, "channel_types").get(one), fixed)
        case RowType.CHANNEL:
            if channel_type is not None:
                own = _object(seen, "channels").get(row.identifier or "")
                by_type = _object(seen, "channel_types").get(channel_type)
                fixed = _is_fixed(below, "channels")
                if own is None:
                    yield replace(_switch(row, None, by_type, fixed), follows=channel_type)
                else:
                    yield _switch(row, None, own, fixed)
        case _:
            section, key = _SECTIONS[row.type], row.identifier or ""
            nodes = _object(below, section)
            fixed = _is_fixed(nodes, key)
            if row.channel_types:
                fixed = fixed or _is_fixed(_object(nodes, key), "channel_types")
            yield from _of_node(row, _object(seen, section).get(key), fixed)


def _of_node(row: Row, node: JsonValue, fixed: bool) -> Iterator[Choice]:
    """Yield the switch of a category or workflow, or one for each of its channel types."""
    parts = _object(node, "channel_types") if isinstance(node, dict) else {}
    depends = isinstance(node, dict) and bool(node.get("conditions"))
    if row.channel_types:
        for one in row.channel_types:
            yield _switch(row, one, parts.get(one, node is not False), fixed or depends)
        return
    within = [parts.get(one) for one in CHANNEL_TYPES]
    depends = depends or any(isinstance(value, dict) for value in within)
    is_off = node is False or all(value is False for value in within)
    yield _switch(row, None, not is_off, fixed or depends)


def _switch(row: Row, channel_type: str | None, value: JsonValue, is_fixed: bool = False) -> Choice:
    return Choice(row, channel_type, value is not False, is_fixed or isinstance(value, dict))


def _is_fixed(below: JsonObject, name: str) -> bool:
    return _object(below, name).get(STRATEGY) == REPLACE


def _object(node: JsonObject, name: str) -> JsonObject:
    found = node.get(name)
    return found if isinstance(found, dict) else {}


def wanted_changes(
    choices: Iterable[Choice], resolved: JsonObject, *, shown: Collection[str], on: Collection[str]
) -> JsonObject:
    """Return what is merged into a user's set, so that its switches stand as it wants them.

    Args:
        choices: the switches as they stand.
        resolved: the set as it takes effect.
        shown: the names of the switches that the user saw; others stay.
        on: the names of those that the user left on.
    """
    usable = [one for one in choices if one.name in shown and not one.is_fixed]
    switched = [one for one in usable if (one.name in on) != one.is_on]
    types = {one.channel_type for one in switched if one.row.type is RowType.CHANNEL_TYPES}
    changes: JsonObject = {}
    for choice in usable:
        # A channel that was left as it is must not follow its type to where that has gone.
        if choice in switched or choice.follows in types:
            below = laid_over(_beneath(choice, resolved), changes)
            changes = laid_over(below, _change(choice, choice.name in on))
    return changes


def _beneath(choice: Choice, resolved: JsonObject) -> JsonObject:
    """Return what a change of one channel type is laid over.

    Where a category or workflow is off as a whole, its other types have to stay off.
    """
    section, key = _SECTIONS.get(choice.row.type), choice.row.identifier or ""
    if section is None or choice.channel_type is None:
        return {}
    if _object(resolved, section).get(key) is not False:
        return {}
    return {section: {key: {"channel_types": dict.fromkeys(CHANNEL_TYPES, False)}}}


def _change(choice: Choice, is_on: bool) -> JsonObject:
    row, key = choice.row, choice.row.identifier or ""
    match row.type:
        case RowType.COMMERCIAL:
            return {COMMERCIAL: is_on}
        case RowType.CHANNEL:
            return {"channels": {key: is_on}}
        case RowType.CHANNEL_TYPES:
            return {"channel_types": {choice.channel_type or "": is_on}}
        case _:
            part = choice.channel_type
            node: JsonValue = is_on if part is None else {"channel_types": {part: is_on}}
            return {_SECTIONS[row.type]: {key: node}}
