"""What is different between two states of a piece of content, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.kit.json_types import JsonObject, JsonValue


class ChangeKind(StrEnum):
    """What became of a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is different.

    Attributes:
        field: its place, such as `steps[0].template.subject`; of what was removed the place where
            it was.
        kind: what became of it; of a list whose members are in another order, `moved`.
        before, after: its values; of a list that was moved, the refs of its members.
    """

    field: str
    kind: ChangeKind
    before: JsonValue = None
    after: JsonValue = None


@dataclass(frozen=True, slots=True)
class ChangedContent:
    """A piece of content in two states; None where it is not there."""

    resource_type: str
    key: str
    before: JsonObject | None
    after: JsonObject


def changes_between(before: JsonValue, after: JsonValue, field: str = "") -> Iterator[Change]:
    """Yield what is different, in the order of the later state; null is as good as nothing.

    Members of a list that have a `ref`, such as steps, are compared with those of the same ref,
    wherever they stand; others with those at the same index.
    """
    if before is None or after is None:
        if after is not None:
            yield Change(field, ChangeKind.ADDED, after=after)
        elif before is not None:
            yield Change(field, ChangeKind.REMOVED, before=before)
    elif isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*after, *before]):
            inner = f"{field}.{name}" if field else name
            yield from changes_between(before.get(name), after.get(name), inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _between_lists(before, after, field)
    elif before != after or type(before) is not type(after):
        yield Change(field, ChangeKind.CHANGED, before, after)


def _between_lists(before: list[JsonValue], after: list[JsonValue], field: str) -> Iterator[Change]:
    old, new = _by_ref(before), _by_ref(after)
    if old is None or new is None:
        for index in range(max(len(before), len(after))):
            earlier = before[index] if index < len(before) else None
            later = after[index] if index < len(after) else None
            yield from changes_between(earlier, later, f"{field}[{index}]")
        return
    for index, (ref, member) in enumerate(new.items()):
        yield from changes_between(old.get(ref), member, f"{field}[{index}]")
    for index, (ref, member) in enumerate(old.items()):
        if ref not in new:
            yield Change(f"{field}[{index}]", ChangeKind.REMOVED, before=member)
    kept = [ref for ref in old if ref in new]
    if kept != [ref for ref in new if ref in old]:
        yield Change(field, ChangeKind.MOVED, [*old], [*new])


def _by_ref(members: list[JsonValue]) -> dict[str, JsonValue] | None:
    """Return members by their refs; None when one of them has none of its own."""
    found: dict[str, JsonValue] = {}
    for member in members:
        ref = member.get("ref") if isinstance(member, dict) else None
        if not isinstance(ref, str) or ref in found:
            return None
        found[ref] = member
    return found
