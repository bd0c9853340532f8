"""Wire shapes of in-app feeds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from api.kit.pagination import encode_cursor, page_info
from api.knock.common import Out, PageInfoOut, RecipientOut
from api.knock.messages.schemas import ActivityOut, activity_wire, engagement_times
from api.knock.recipients.schemas import recipient_out
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from services.in_app.feeds import FeedView
from services.messages.messages import TriggerActivity, ref_of_wire


class FeedSourceOut(Out):
    """The workflow that made an item."""

    typename: str = Field(alias="__typename", examples=["Workflow"])
    key: str
    version_id: str
    categories: list[str]


class FeedItemOut(Out):
    """An in-app message as its recipient's feed shows it."""

    typename: str = Field(alias="__typename", examples=["FeedItem"])
    cursor: str = Field(alias="__cursor", description="Send it as `before` to get newer items.")
    id: str
    blocks: list[dict[str, Any]]
    data: dict[str, Any]
    actors: list[RecipientOut]
    activities: list[ActivityOut] = Field([], description="Missing in compact mode.")
    total_activities: int = Field(0, description="Missing in compact mode.")
    total_actors: int
    tenant: str | None
    source: FeedSourceOut
    seen_at: datetime | None
    read_at: datetime | None
    interacted_at: datetime | None
    link_clicked_at: datetime | None
    clicked_at: datetime | None = Field(deprecated=True)
    archived_at: datetime | None
    inserted_at: datetime
    updated_at: datetime


class FeedMetadataOut(Out):
    """Counts for badges."""

    typename: str = Field(alias="__typename", examples=["FeedMetadata"])
    total_count: int
    unread_count: int
    unseen_count: int


class FeedOut(Out):
    """A page of a feed."""

    entries: list[FeedItemOut]
    meta: FeedMetadataOut
    page_info: PageInfoOut
    vars: dict[str, Any]


class FeatureFlagsOut(Out):
    """What the widgets have to show."""

    branding_required: bool


class FeedSettingsOut(Out):
    """Settings of a feed."""

    features: FeatureFlagsOut


def feed_wire(view: FeedView, *, is_rich: bool) -> JsonObject:
    """Write a page of a feed."""
    return {
        "entries": [_item(view, row, is_rich=is_rich) for row in view.page.rows],
        "meta": {"__typename": "FeedMetadata", **view.counts},
        "page_info": page_info(view.page),
        "vars": {},
    }


def _item(view: FeedView, row: dict[str, Any], *, is_rich: bool) -> JsonObject:
    refs = [ref_of_wire(actor) for actor in row["actors"]]
    actors = [view.people[ref] for ref in refs if ref in view.people]
    item: JsonObject = {
        "__typename": "FeedItem",
        "__cursor": encode_cursor((row["inserted_at"], row["id"])),
        "id": str(row["id"]),
        "blocks": row["content"].get("blocks") or [],
        "data": row["data"],
        "actors": [
            recipient_out(actor).model_dump(mode="json")
            for actor in actors[: None if is_rich else 1]
        ],
        "total_actors": len(refs),
        "tenant": row["tenant_id"],
        "source": {
            "__typename": "Workflow",
            "key": row["workflow_key"],
            "version_id": str(row["version_id"]),
            "categories": row["categories"],
        },
        **engagement_times(row),
        "inserted_at": iso(row["inserted_at"]),
        "updated_at": iso(row["updated_at"]),
    }
    if is_rich:
        item["data"] = view.trigger_data.get(row["recipient_run_id"], row["data"])
        actor = actors[0] if actors else None
        recipient = view.people.get(RecipientRef(row["collection"], row["recipient_id"]))
        item["activities"] = [activity_wire(TriggerActivity(row, item["data"], actor, recipient))]
        item["total_activities"] = 1
    return item


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
