"""Wire shapes of in-app feeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.kit.answers import PageInfoOut
from api.kit.cursors import encode_cursor
from api.knock.in_app.people import FeedActivityOut, FeedPersonOut, person_out
from api.knock.messages.schemas import EngagementOut, engagement_times
from domain.channels.in_app_feed import FeedBlocks
from domain.channels.response_filter import Shown
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.json_types import JsonObject
from domain.messages.messages import FeedCounts, FeedItem
from domain.recipients.refs import RecipientRef
from services.in_app.feeds import FeedView


@dataclass(frozen=True, slots=True)
class _People:
    """The people of a feed as they are answered, each written once; those not shown are missing."""

    actors: Mapping[RecipientRef, FeedPersonOut]
    recipients: Mapping[RecipientRef, FeedPersonOut]

    @classmethod
    def of(cls, view: FeedView) -> Self:
        """Write those of a page: actors by one filter, the user by another."""

        def written(
            refs: Iterable[RecipientRef], shown: Shown
        ) -> dict[RecipientRef, FeedPersonOut]:
            known = () if shown.is_hidden else view.people.keys() & refs
            return {ref: person_out(view.people[ref], shown) for ref in known}

        recipients = {item.recipient for item in view.page.rows}
        return cls(
            actors=written(view.people, view.response_filter.actor),
            recipients=written(recipients, view.response_filter.recipient),
        )


class FeedSourceOut(Out):
    """The workflow that made an item."""

    typename: Annotated[Literal["Workflow"], Field(alias="__typename")] = "Workflow"
    key: str
    version_id: UUID
    categories: list[str]


class FeedItemOut(EngagementOut):
    """An in-app message as its recipient's feed shows it."""

    typename: Annotated[Literal["FeedItem"], Field(alias="__typename")] = "FeedItem"
    cursor: str = Field(alias="__cursor", description="Send it as `before` to get newer items.")
    id: UUID
    blocks: FeedBlocks
    data: dict[str, Any]
    actors: list[FeedPersonOut]
    activities: LeftOut[list[FeedActivityOut]] = Field(None, description="Missing in compact mode.")
    total_activities: LeftOut[int] = Field(None, description="Missing in compact mode.")
    total_actors: int
    tenant: str | None
    source: FeedSourceOut
    inserted_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: FeedView, item: FeedItem, people: _People) -> Self:
        """Write an item of a feed; `people` are those of the view, as they are answered."""
        actors = [people.actors[ref] for ref in item.actor_refs if ref in people.actors]
        shown, run_id = view.response_filter.data, item.recipient_run_id
        data = shown.of(view.trigger_data.get(run_id, item.data) if run_id else item.data)
        activities = None
        if view.is_rich:
            recipient = people.recipients.get(item.recipient)
            if item.batch_id is None:
                actor = actors[0] if actors else None
                activities = [FeedActivityOut.made_by(item, data, actor=actor, recipient=recipient)]
            else:
                activities = [
                    FeedActivityOut.made_by(
                        item,
                        shown.of(each.data),
                        actor=people.actors.get(each.actor_ref) if each.actor_ref else None,
                        recipient=recipient,
                        item=each,
                    )
                    for each in view.batched.get(item.batch_id, ())
                ]
        return cls(
            cursor=encode_cursor((item.inserted_at, item.id)),
            id=item.id,
            blocks=item.content.get("blocks") or [],
            data=data,
            actors=actors if view.is_rich else actors[:1],
            activities=activities,
            total_activities=None if activities is None else item.total_activities or 1,
            total_actors=len(item.actors) if item.total_actors is None else item.total_actors,
            tenant=item.tenant_id,
            source=FeedSourceOut(
                key=item.workflow_key, version_id=item.version_id, categories=item.categories
            ),
            **engagement_times(item),
            inserted_at=item.inserted_at,
            updated_at=item.updated_at,
        )


class FeedMetadataOut(Out):
    """Counts for badges."""

    typename: Annotated[Literal["FeedMetadata"], Field(alias="__typename")] = "FeedMetadata"
    total_count: int
    unread_count: int
    unseen_count: int

    @classmethod
    def of(cls, counts: FeedCounts) -> Self:
        """Write the counts of a feed."""
        return cls(
            total_count=counts.total_count,
            unread_count=counts.unread_count,
            unseen_count=counts.unseen_count,
        )


class FeedOut(Out):
    """A page of a feed."""

    entries: list[FeedItemOut]
    meta: FeedMetadataOut
    page_info: PageInfoOut
    vars: dict[str, Any]

    @classmethod
    def of(cls, view: FeedView) -> Self:
        """Write a page of a feed."""
        people = _People.of(view)
        return cls(
            entries=[FeedItemOut.of(view, item, people) for item in view.page.rows],
            meta=FeedMetadataOut.of(view.counts),
            page_info=PageInfoOut.of(view.page),
            vars=view.response_filter.vars.of(view.variables),
        )


class FeatureFlagsOut(Out):
    """What the widgets have to show."""

    branding_required: bool


class FeedSettingsOut(Out):
    """Settings of a feed."""

    features: FeatureFlagsOut


def without(body: JsonObject, paths: list[list[str]]) -> JsonObject:
    """Leave out the members at the given paths; a list is gone through element by element."""
    for path in paths:
        _drop(body, path)
    return body


def _drop(node: Any, path: list[str]) -> None:
    if isinstance(node, list):
        for element in node:
            _drop(element, path)
    elif isinstance(node, dict):
        name, *rest = path
        if not rest:
            node.pop(name, None)
        elif name in node:
            _drop(node[name], rest)
