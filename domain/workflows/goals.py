"""That content is meant to bring a goal about, and for how long it gets the credit.

Source: Management API reference, GoalAttachment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from domain.kit.authored import Reference, ResourceType
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import REFUSE_NULL, Shape

ATTACHMENT = "goal_attachment"
_WINDOW = "attribution_window_days"
_DEFAULT_WINDOW = 7


class GoalAttachment(Shape):
    """A goal of the same environment."""

    goal_key: Annotated[str, REFUSE_NULL, Field(min_length=1, max_length=255)]
    attribution_window_days: Annotated[int, Field(ge=1, le=30)] = Field(
        _DEFAULT_WINDOW, description="For how many days after a message a conversion counts."
    )


def with_window(attachment: JsonValue) -> JsonValue:
    """Return an attachment as it is stored: with its window, also where it was left out."""
    if isinstance(attachment, dict) and attachment.get(_WINDOW) is None:
        return {**attachment, _WINDOW: _DEFAULT_WINDOW}
    return attachment


def goal_key_of(stored: JsonObject) -> str | None:
    """Return the key of the goal that stored content is attached to."""
    attachment = stored.get(ATTACHMENT)
    key = attachment.get("goal_key") if isinstance(attachment, dict) else None
    return key if isinstance(key, str) else None


def goal_reference(goal_key: str | None) -> Iterator[Reference]:
    """Yield the reference to a goal, if there is one."""
    if goal_key is not None:
        yield Reference(f"{ATTACHMENT}.goal_key", ResourceType.GOAL, goal_key)
