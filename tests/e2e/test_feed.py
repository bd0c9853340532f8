"""The feed and engagement, as a browser with the public key sees them."""

from __future__ import annotations

from typing import Any

import knockapi
import pytest
from knockapi import Knock

from commands.dev.client import DevStack
from tests.support.management import Management
from tests.support.runs import wait_for_messages
from tests.support.steps import feed_step

CHANNEL = "0fb8c480-19c3-4b1c-b771-0f8917236f74"
READER = "reader"


@pytest.fixture(scope="module")
def items(knock: Knock, management: Management) -> list[str]:
    """Trigger three in-app messages, one of them for a tenant; ids, oldest first."""
    management.save_workflow("e2e-feed", feed_step("Item **{{ data.number }}**"))
    found = []
    for number, tenant in ((1, None), (2, "acme"), (3, None)):
        answer = knock.workflows.trigger(
            "e2e-feed", recipients=[{"id": READER}], tenant=tenant, data={"number": number}
        )
        (message,) = wait_for_messages(knock, answer.workflow_run_id, "delivered")
        found.append(message.id)
    return found


def feed(client: Knock, **filters: Any) -> tuple[list[str], dict[str, int]]:
    """Return the ids of a feed, newest first, and its counts."""
    page = client.users.feeds.list_items(READER, CHANNEL, **filters)
    meta = {k: v for k, v in (page.model_extra or {})["meta"].items() if k != "__typename"}
    return [item.id for item in page.entries], meta


def counts(total: int, unread: int, unseen: int) -> dict[str, int]:
    """Return badge counts as the feed has them."""
    return {"total_count": total, "unread_count": unread, "unseen_count": unseen}


def test_feed_shows_items_and_badges(browser: Knock, items: list[str], stack: DevStack) -> None:
    """The public key reads the feed, newest first, rendered, with counts for badges."""
    assert stack.channels["in_app_feed"].id == CHANNEL
    assert feed(browser) == (items[::-1], counts(3, 3, 3))
    page = browser.users.feeds.list_items(READER, CHANNEL, page_size=1)
    assert page.entries[0].blocks[0].rendered == "<p>Item <strong>3</strong></p>\n"  # type: ignore[union-attr]
    assert [item.id for item in page] == items[::-1]


def test_feed_filters(browser: Knock, items: list[str]) -> None:
    """Tenant, source, data and status narrow the feed and its counts."""
    newest_first = items[::-1]
    assert feed(browser, tenant="acme")[0] == newest_first
    assert feed(browser, tenant="acme", has_tenant=True) == ([items[1]], counts(1, 1, 1))
    assert feed(browser, has_tenant=False)[0] == [items[2], items[0]]
    assert feed(browser, trigger_data='{"number": 2}')[0] == [items[1]]
    assert feed(browser, source="welcome") == ([], counts(0, 0, 0))
    assert feed(browser, status="read")[0] == []
    # As JSON: the SDK's type demands what compact mode leaves out.
    compact = browser.users.feeds.with_raw_response.list_items(READER, CHANNEL, mode="compact")
    (first, *_) = compact.http_response.json()["entries"]
    assert first["id"] == newest_first[0]
    assert not {"activities", "total_activities"} & set(first)


def test_engagement_moves_badges(browser: Knock, items: list[str]) -> None:
    """Seen, read and archived change their own counts, and their opposites take them back."""
    message = items[0]
    browser.messages.mark_as_seen(message)
    assert feed(browser)[1] == counts(3, 3, 2)
    browser.messages.mark_as_read(message)
    assert feed(browser)[1] == counts(3, 2, 2)
    archived = browser.messages.archive(message)
    assert archived.archived_at is not None
    assert set(archived.engagement_statuses) == {"seen", "read", "archived"}
    assert feed(browser)[1]["total_count"] == 2
    assert feed(browser, archived="only")[0] == [message]
    browser.messages.unarchive(message)
    browser.messages.mark_as_unread(message)
    browser.messages.mark_as_unseen(message)
    assert feed(browser) == (items[::-1], counts(3, 3, 3))


def test_engagement_is_told_as_events(knock: Knock, browser: Knock, items: list[str]) -> None:
    """Every change of engagement is an event of the message, and interacted keeps its metadata."""
    message = items[1]
    browser.messages.mark_as_seen(message)
    knock.messages.mark_as_interacted(message, metadata={"button": "go"})
    events = [event.type for event in knock.messages.list_events(message)]
    assert {"message.seen", "message.interacted"} < set(events)
    assert knock.messages.get(message).interacted_at is not None


def test_batches_change_many(browser: Knock, items: list[str]) -> None:
    """A batch marks all its messages and answers them; unknown ids are left out."""
    marked = browser.messages.batch.mark_as_seen(message_ids=[*items, "unknown"])
    assert {message.id for message in marked} == set(items)
    assert feed(browser)[1]["unseen_count"] == 0
    browser.messages.batch.mark_as_unseen(message_ids=items[:2])
    assert feed(browser)[1]["unseen_count"] == 2
    browser.messages.batch.mark_as_read(message_ids=items)
    browser.messages.batch.archive(message_ids=items)
    assert feed(browser)[0] == []
    browser.messages.batch.unarchive(message_ids=items[2:])
    assert feed(browser)[0] == [items[2]]


def test_batch_contents(knock: Knock, items: list[str]) -> None:
    """The contents of several messages come in one answer; unknown ids are left out."""
    contents = knock.messages.batch.get_content(message_ids=[*items, "unknown"])
    assert {content.message_id for content in contents} == set(items)


def test_public_key_may_do_no_more(browser: Knock, items: list[str]) -> None:
    """With the public key triggers and lists of messages are refused."""
    for call in (
        lambda: browser.workflows.trigger("welcome", recipients=[READER]),
        lambda: browser.messages.list(),
        lambda: browser.workflow_recipient_runs.list(),
        lambda: browser.messages.get_content(items[0]),
    ):
        with pytest.raises(knockapi.AuthenticationError) as refused:
            call()
        assert refused.value.body["code"] == "incorrect_token_type"  # type: ignore[index]
