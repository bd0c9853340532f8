"""People as a feed shows them: what its channel's response filter leaves of them.

Source: Knock docs, "In-app notifications with Knock", "Customizing API response content".
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, TypeAlias, TypeVar

from pydantic import Field

from api.knock.messages.schemas import ActivityOut
from api.knock.recipients.schemas import ObjectOut, UserOut
from domain.channels.response_filter import ALL, Shown
from domain.kit.answers import LeftOut, Moment
from domain.recipients.recipients import Recipient
from domain.recipients.shapes import AnyText

T = TypeVar("T")

# What says who or what somebody is, which typed clients do not read a person without.
_ALWAYS = ("__typename", "id", "collection", "updated_at")
_PROPERTIES = "properties"


class _Hidden(Enum):
    HIDDEN = "hidden"


# A member that may be null, and is left out where a filter says so; give it the default `_HIDDEN`.
_HIDDEN = _Hidden.HIDDEN
Hideable = Annotated[T, Field(exclude_if=lambda value: value is _HIDDEN)]


class FeedUserOut(UserOut):
    """A user as a feed shows it, without what the response filter of its channel hides."""

    name: Hideable[AnyText] = _HIDDEN
    email: Hideable[AnyText] = _HIDDEN
    phone_number: Hideable[AnyText] = _HIDDEN
    avatar: Hideable[AnyText] = _HIDDEN
    timezone: Hideable[AnyText] = _HIDDEN
    created_at: Hideable[Moment | None] = _HIDDEN  # type: ignore[assignment]


class FeedObjectOut(ObjectOut):
    """An object as a feed shows it, without what the response filter of its channel hides."""

    created_at: Hideable[Moment | None] = _HIDDEN  # type: ignore[assignment]


FeedPersonOut: TypeAlias = FeedUserOut | FeedObjectOut


def person_out(found: Recipient, shown: Shown) -> FeedPersonOut:
    """Write a user or an object of a feed.

    Of an object a path leads to its properties, whether it begins with `properties` or not: those
    are its members as much as a user's are.
    """
    written = FeedUserOut.of(found) if found.ref.is_user else FeedObjectOut.of(found)
    if shown == ALL:
        return written
    whole = written.model_dump()
    left = {**shown.of(whole), **{name: whole[name] for name in _ALWAYS if name in whole}}
    if not found.ref.is_user:
        left[_PROPERTIES] = shown.within(_PROPERTIES).of(whole[_PROPERTIES])
    return type(written).model_validate(left)


class FeedActivityOut(ActivityOut):
    """One trigger as a feed shows it to its user."""

    actor: FeedPersonOut | None
    recipient: LeftOut[FeedPersonOut] = Field(
        None, description="Missing if it was deleted, or if the response filter hides it."
    )
