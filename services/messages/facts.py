"""Messages of a run as later steps see them under `refs.<step ref>`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.kit.json_types import JsonObject
from domain.messages.statuses import ENGAGEMENT_COLUMNS


def engagement_of(row: Mapping[str, Any]) -> list[str]:
    """Return the engagement statuses that hold for a message's row."""
    return [
        status.value for status, column in ENGAGEMENT_COLUMNS.items() if row.get(column) is not None
    ]


def message_facts(*sources: Iterable[Mapping[str, Any]]) -> JsonObject:
    """Gather messages, stored ones and those of this walk, by the ref of their step."""
    facts: JsonObject = {}
    for rows in sources:
        for row in rows:
            entry = facts.setdefault(row["step_ref"], {"messages": [], "skipped": False})
            entry["messages"].append(
                {"delivery_status": row["delivery_status"], "engagement": engagement_of(row)}
            )
    return facts
