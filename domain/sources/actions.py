"""What follows from an event: actions in a fixed order, whose parameters lead into the event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, get_args

from domain.kit.json_types import JsonObject, JsonValue
from domain.sources.paths import ROOTS, found_at

ActionType: TypeAlias = Literal[
    "users_identify", "users_delete", "objects_set", "objects_delete", "tenants_set",
    "tenants_delete", "objects_subscribe", "objects_unsubscribe",
    "audiences_add_member", "audiences_remove_member", "workflows_trigger", "workflows_cancel",
]  # fmt: skip
# In this order, whatever the order of the mappings (Knock docs: "Sources").
ORDER: tuple[str, ...] = get_args(ActionType)
_PATHS = tuple(f"{root}." for root in ROOTS)
_NOTHING = object()


def in_order(mappings: Iterable[JsonObject], event: str) -> list[JsonObject]:
    """Return the active mappings of an event in the order in which their actions are taken."""
    wanted = [
        each
        for each in mappings
        if each.get("event_type") == event
        and each.get("active", True)
        and each.get("action_type") in ORDER
    ]
    return sorted(wanted, key=lambda each: ORDER.index(each["action_type"]))


def mapped(parameters: JsonObject | None, event: JsonObject) -> JsonObject:
    """Return the parameters of an action with what their paths find in an event.

    A string that begins with `body.` or `headers.` is a path, and anything else is itself. A member
    whose path finds nothing is left out.
    """
    found = _mapped(parameters or {}, event)
    return found if isinstance(found, dict) else {}


def _mapped(value: Any, event: JsonObject) -> Any:
    if isinstance(value, str) and value.startswith(_PATHS):
        found = found_at(event, value)
        return _NOTHING if found is None else found
    if isinstance(value, dict):
        members = {name: _mapped(member, event) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not _NOTHING}
    if isinstance(value, list):
        entries = [_mapped(entry, event) for entry in value]
        return [entry for entry in entries if entry is not _NOTHING]
    return value


def listed(value: JsonValue) -> list[JsonValue]:
    """Return those that a list or one value names, as a list; see `named`."""
    if value is None:
        return []
    return [named(each) for each in value] if isinstance(value, list) else [named(value)]


def named(value: JsonValue) -> JsonValue:
    """Return an id, or an object with one, whose id is text where the event has a whole number.

    Many sources number what they have; to us the same number is the same id wherever it stands.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        ids = {name: named(value[name]) for name in ("id", "collection") if name in value}
        return {**value, **ids}
    return value
