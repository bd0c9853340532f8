"""What applications say that users did with guides.

Source: Knock API reference, "Guides"; the official client's guide module.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from domain.kit.ids import MAX_ID_CHARACTERS
from domain.kit.shapes import EMPTY_LIST_IS_OBJECT, Members, Shape, Text


class GuideKeyIn(Shape):
    """A guide, as far as a user is concerned."""

    guide_key: Text
    tenant: Annotated[str | None, Field(max_length=MAX_ID_CHARACTERS)] = Field(
        None, description="The tenant on whose behalf the user saw it."
    )


class GuideStepIn(GuideKeyIn):
    """A step of a guide that a user does something with."""

    channel_id: Text
    guide_id: Text
    guide_step_ref: Text


class GuideSeenIn(GuideStepIn):
    """A user has seen a step."""

    content: Annotated[dict[str, Any], EMPTY_LIST_IS_OBJECT] = Field(
        description="The content that the user saw."
    )
    data: Members[Any] | None = Field(
        None, description="The data with which the guides were requested."
    )


class GuideInteractedIn(GuideStepIn):
    """A user has interacted with a step."""

    metadata: Members[Any] | None = Field(
        None, description="What the user interacted with, and how."
    )


class GuideArchivedIn(GuideStepIn):
    """A user has dismissed a step."""

    is_final: bool | None = Field(None, description="Archive the whole guide, not just this step.")
    unthrottled: bool | None = Field(None, description="Let other guides be shown at once.")


_Keys = Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=1000)]


class GuideGroupIn(Shape):
    """In which order guides are shown, and how long they wait for each other."""

    display_interval: Annotated[int, Field(ge=0, le=31_536_000)] | None = Field(
        None, description="Seconds for which no other guide is shown after one was dismissed."
    )
    display_sequence: _Keys = Field(
        [],
        description=(
            "Keys of guides in order; guides that are not listed come after them, oldest first."
        ),
    )
    display_sequence_unthrottled: _Keys = Field(
        [], description="Keys of guides that wait for no other, and come first."
    )
