"""The lists that `bench/lists.py` reads, each with every filter that it has.

Values that many rows of the crowd have stand beside values that a few among a million have, and
values that none has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.messages.filters import ENGAGEMENT_FILTERS
from domain.messages.statuses import DeliveryStatus
from domain.runs.statuses import RunStatus

Query = Mapping[str, str | list[str]]
# The case that does least: one message, by its id.
FLOOR = "messages: ids"
_INSTANT = "2026-06-01T00:00:00Z"
_FOLLOWED = "users/reader-0/subscriptions"
_PROJECT = "objects/projects/project-0"
_TIMES: dict[str, Query] = {
    "before": {"inserted_at[lt]": _INSTANT},
    "to": {"inserted_at[lte]": _INSTANT},
    "after": {"inserted_at[gt]": _INSTANT},
    "from": {"inserted_at[gte]": _INSTANT},
}


@dataclass(frozen=True)
class Case:
    """A list with a filter."""

    name: str
    path: str
    query: Query = field(default_factory=dict)


@dataclass(frozen=True)
class Crowd:
    """Ids of the crowd that are not known before it is stored.

    Attributes:
        feed: the in-app channel.
        mail: the e-mail channel.
        run: a trigger.
        recipient_run: one of its runs.
        message: one of its messages.
    """

    feed: str
    mail: str
    run: str
    recipient_run: str
    message: str


def cases(crowd: Crowd) -> list[Case]:
    """Return every list with every filter that it has."""
    feed = f"users/reader-0/feeds/{crowd.feed}"
    return [
        *_named("messages", "messages", _of_messages(crowd)),
        *_named("runs", "workflow_recipient_runs", _of_runs()),
        *_named("feed", feed, _of_feeds()),
        *_of_recipients(),
        *_of_one(crowd),
    ]


def _named(name: str, path: str, queries: Mapping[str, Query]) -> list[Case]:
    return [Case(f"{name}: {what}", path, query) for what, query in queries.items()]


def _data(**members: object) -> dict[str, str]:
    return {"trigger_data": json.dumps(members)}


def _of_messages(crowd: Crowd) -> dict[str, Query]:
    return {
        "all": {},
        "tenant": {"tenant": "tenant-3"},
        "tenant nobody has": {"tenant": "tenant-none"},
        "channel": {"channel_id": crowd.mail},
        "source": {"source": "workflow-7"},
        "source nobody has": {"source": "workflow-none"},
        **{status.value: {"status[]": status.value} for status in DeliveryStatus},
        **{status: {"engagement_status[]": status} for status in ENGAGEMENT_FILTERS},
        "ids": {"message_ids[]": [crowd.message]},
        "category": {"workflow_categories[]": "news"},
        "rare category": {"workflow_categories[]": "legal"},
        "trigger": {"workflow_run_id": crowd.run},
        "run": {"workflow_recipient_run_id": crowd.recipient_run},
        "data of a quarter": _data(plan="pro"),
        "data of a thousandth": _data(page="Page 7"),
        "data of one": _data(order=4711),
        "data of nobody": _data(order="none"),
        "two data": _data(plan="pro", page="Page 8"),
        **_TIMES,
        "queued or bounced": {"status[]": ["queued", "bounced"]},
        "failed": {"status[]": ["undelivered", "bounced", "not_sent"]},
        "interacted or clicked": {"engagement_status[]": ["interacted", "link_clicked"]},
        "seen or clicked": {"engagement_status[]": ["seen", "link_clicked"]},
        "source and bounced": {"source": "workflow-7", "status[]": "bounced"},
        "tenant and not sent": {"tenant": "tenant-3", "status[]": "not_sent"},
        "source, delivered, unread": {
            "source": "workflow-2",
            "status[]": "delivered",
            "engagement_status[]": "unread",
        },
    }


def _of_runs() -> dict[str, Query]:
    return {
        "all": {},
        "workflow": {"workflow": "workflow-7"},
        "workflow nobody has": {"workflow": "workflow-none"},
        **{status.value: {"status[]": status.value} for status in RunStatus},
        "tenant": {"tenant": "tenant-3"},
        "errors": {"has_errors": "true"},
        "no errors": {"has_errors": "false"},
        "recipient": {"recipient": "reader-0"},
        "from": {"starting_at": _INSTANT},
        "to": {"ending_at": _INSTANT},
        "queued or paused": {"status[]": ["queued", "paused"]},
        "paused or cancelled": {"status[]": ["paused", "cancelled"]},
        "workflow and paused": {"workflow": "workflow-0", "status[]": "paused"},
    }


def _of_feeds() -> dict[str, Query]:
    return {
        "all": {},
        **{status: {"status": status} for status in ("unread", "read", "unseen", "seen")},
        **{f"archived, {which}": {"archived": which} for which in ("include", "only")},
        "source": {"source": "workflow-0"},
        "source nobody has": {"source": "workflow-none"},
        "tenant": {"tenant": "tenant-0"},
        "only the tenant": {"tenant": "tenant-0", "has_tenant": "true"},
        "any tenant": {"has_tenant": "true"},
        "no tenant": {"has_tenant": "false"},
        "category": {"workflow_categories[]": "news"},
        "rare category": {"workflow_categories[]": "legal"},
        "data of all": _data(plan="pro"),
        "data": _data(page="Page 700"),
        "data of one": _data(order=4700),
        "data of nobody": _data(order="none"),
        "data of others": _data(plan="free"),
        "unread, category": {"status": "unread", "workflow_categories[]": "news"},
        "compact": {"mode": "compact"},
        **_TIMES,
    }


def _of_recipients() -> list[Case]:
    followers = f"{_PROJECT}/subscriptions"
    projects = {
        "objects[0][collection]": "projects",
        "objects[0][id]": "project-1",
        "objects[1][collection]": "projects",
        "objects[1][id]": "project-2",
    }
    followed = {"mode": "recipient"}
    return [
        Case("users", "users"),
        Case("users, newest first", "users", {"order": "desc"}),
        Case("users with preferences", "users", {"include[]": "preferences"}),
        Case("objects", "objects/projects"),
        Case("objects with preferences", "objects/projects", {"include[]": "preferences"}),
        Case("tenants", "tenants"),
        Case("tenants by name", "tenants", {"name": "Tenant 7"}),
        Case("tenants by id", "tenants", {"tenant_id": "tenant-7"}),
        Case("followers", followers),
        Case("some followers", followers, {"recipients[]": ["reader-7", "reader-8"]}),
        Case("followers with preferences", followers, {"include[]": "preferences"}),
        Case("followed by an object", followers, followed),
        Case("some followed by an object", followers, {**followed, **projects}),
        Case("followed by a user", _FOLLOWED),
        Case("some followed by a user", _FOLLOWED, projects),
        Case("followed by a user, with preferences", _FOLLOWED, {"include[]": "preferences"}),
        Case("members of an audience", "audiences/everybody/members"),
        Case("schedules", "schedules", {"workflow": "workflow-7"}),
        Case("schedules, tenant", "schedules", {"workflow": "workflow-1", "tenant": "tenant-9"}),
        Case(
            "schedules, recipients",
            "schedules",
            {"workflow": "workflow-0", "recipients[]": ["reader-0", "reader-7"]},
        ),
    ]


def _of_messages_of_one(crowd: Crowd) -> dict[str, Query]:
    """Return what the messages of one recipient, ten thousand or a thousand, are filtered by."""
    return {
        "all": {},
        "tenant": {"tenant": "tenant-0"},
        "tenant nobody has": {"tenant": "tenant-none"},
        "channel": {"channel_id": crowd.feed},
        "source": {"source": "workflow-0"},
        "source nobody has": {"source": "workflow-none"},
        "delivered": {"status[]": "delivered"},
        "bounced": {"status[]": "bounced"},
        "queued": {"status[]": "queued"},
        "unread": {"engagement_status[]": "unread"},
        "clicked": {"engagement_status[]": "link_clicked"},
        "ids": {"message_ids[]": [crowd.message]},
        "category": {"workflow_categories[]": "news"},
        "rare category": {"workflow_categories[]": "legal"},
        "trigger": {"workflow_run_id": crowd.run},
        "run": {"workflow_recipient_run_id": crowd.recipient_run},
        "data": _data(plan="pro"),
        "data of one": _data(order=4700),
        "data of nobody": _data(order="none"),
        **_TIMES,
    }


def _of_one(crowd: Crowd) -> list[Case]:
    """Return the lists of one user, object or message."""
    of_one: dict[str, Query] = {
        "all": {},
        "workflow": {"workflow": "workflow-0"},
        "workflow nobody has": {"workflow": "workflow-none"},
        "tenant": {"tenant": "tenant-9"},
    }
    return [
        *(
            case
            for owner, path in (("a user", "users/reader-0"), ("an object", _PROJECT))
            for case in (
                *_named(f"messages of {owner}", f"{path}/messages", _of_messages_of_one(crowd)),
                *_named(f"schedules of {owner}", f"{path}/schedules", of_one),
            )
        ),
        Case(
            "activities of a message, data",
            f"messages/{crowd.message}/activities",
            _data(plan="pro"),
        ),
        *(
            Case(f"{what} of a message", f"messages/{crowd.message}/{what}")
            for what in ("events", "activities", "delivery_logs")
        ),
    ]
