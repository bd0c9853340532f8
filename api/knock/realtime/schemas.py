"""What is told on the socket, in the form in which Knock's client takes it.

Source: `@knocklabs/client`, `src/clients/feed/socket-manager.ts` and `src/clients/guide/types.ts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.knock.guides.schemas import GuideGroupOut, GuideOut
from api.knock.in_app.schemas import FeedMetadataOut
from domain.kit.answers import Out
from services.realtime.feeds import FeedTold
from services.realtime.guides import Change, GuidesTold

NEW_MESSAGE = "new-message"


class InstanceOut(Out):
    """What one instance of a feed is told."""

    metadata: FeedMetadataOut


class NewMessageOut(Out):
    """That a feed has new items; the client reads them then.

    `attn` names the instances that show one of them. `metadata` is of the first, for mobile and
    older clients, which read nothing else: they have one instance, without a name.
    """

    event: Literal["new-message"] = "new-message"
    metadata: FeedMetadataOut
    data: dict[str, InstanceOut]
    attn: list[str]

    @classmethod
    def of(cls, told: FeedTold) -> Self:
        """Write what a socket is told of a feed."""
        named = {name: each for name, each in told.items() if name is not None}
        return cls(
            metadata=FeedMetadataOut.of(next(iter(told.values()))),
            data={
                name: InstanceOut(metadata=FeedMetadataOut.of(each)) for name, each in named.items()
            },
            attn=[name for name, each in named.items() if each.has_news],
        )


class GuideNameOut(Out):
    """A guide that its user may not see, or that is there no more."""

    typename: Annotated[Literal["Guide"], Field(alias="__typename")] = "Guide"
    key: str
    channel_id: UUID


def guide_events(topic: str, told: GuidesTold) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what a socket is told of guides: what it is of, the name of the event, its payload."""
    shown = {each.found.guide.key: each for each in told.view.entries}
    channel_id = told.view.channel_id
    for key, change in told.changes.items():
        name = f"guide.{change}"
        if key in shown:
            guide: Out = GuideOut.of(shown[key], channel_id)
            data: dict[str, Any] = {"guide": guide, "eligible": True}
        elif change is Change.REMOVED:
            data = {"guide": GuideNameOut(key=key, channel_id=channel_id)}
        elif change is Change.UPDATED:
            data = {"guide": GuideNameOut(key=key, channel_id=channel_id), "eligible": False}
        else:
            continue
        yield f"guide {key}", name, _payload(topic, name, data)
    if told.has_new_order:
        name = "guide_group.updated"
        yield name, name, _payload(topic, name, {"guide_group": GuideGroupOut.of(told.view)})


def _payload(topic: str, event: str, data: dict[str, Any]) -> dict[str, Any]:
    written = {
        name: value.model_dump(mode="json") if isinstance(value, Out) else value
        for name, value in data.items()
    }
    return {"topic": topic, "event": event, "data": written}
