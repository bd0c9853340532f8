"""What a message's row says of its recipient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.messages.statuses import ENGAGEMENT_COLUMNS


def engagement_of(row: Mapping[str, Any]) -> list[str]:
    """Return the engagement statuses that hold for a message's row."""
    return [
        status.value for status, column in ENGAGEMENT_COLUMNS.items() if row.get(column) is not None
    ]
