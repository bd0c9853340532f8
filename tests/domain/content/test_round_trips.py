"""Of each kind: what was read can be written back, and stores the same, whatever its texts say."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.broadcasts.broadcast import BROADCAST
from domain.content.kind import KindOfContent
from domain.content.kinds import KINDS
from domain.kit.authored import ChannelTypes
from domain.kit.json_types import JsonObject
from domain.kit.stored import content_sha
from tests.support.guides import guide, guide_step
from tests.support.steps import (
    agent_step,
    audience_step,
    batch_step,
    branch,
    branch_step,
    channel_step,
    cohort,
    cohort_step,
    delay_step,
    email_step,
    feed_step,
    fetch_step,
    message_event,
    shared_fetch_step,
    throttle_step,
    trigger_step,
    update_recipient_step,
    update_step,
    wait_step,
    when,
    workflow,
)

TEXT = "any text"
OBJECT = '{"a": 1}'
# A document of each kind; every member that is `TEXT` may hold any text, and keeps it.
DOCUMENTS: dict[str, JsonObject] = {
    "workflow": workflow(
        TEXT,
        email_step(TEXT, name=TEXT, description=TEXT),
        channel_step("sms_1", "sms", template={"text_body": TEXT}),
        channel_step("push_1", "push", template={"title": TEXT, "text_body": TEXT}),
        channel_step("chat_1", "chat", template={"markdown_body": TEXT}),
        delay_step(),
        batch_step(),
        throttle_step(),
        fetch_step(body=TEXT, headers=[{"key": "x-a", "value": TEXT}]),
        shared_fetch_step("find", "shared", a=TEXT, b=[1]),
        agent_step(request_prompt=TEXT),
        update_step(OBJECT),
        update_recipient_step("user", OBJECT),
        update_recipient_step("tenant", OBJECT),
        update_recipient_step("object", OBJECT, recipient_gid="gid://Object/a/b"),
        audience_step("vips"),
        trigger_step("other", recipients="{{ recipient.id }}"),
        wait_step(message_event("read", "other"), when("event.step_ref", "equal_to", TEXT)),
        branch_step(
            "branch",
            branch(TEXT, feed_step(TEXT), conditions=when("data.x", "equal_to", TEXT)),
            branch("Default"),
        ),
        cohort_step("cohorts", cohort(TEXT, "50", feed_step(TEXT, "feed_2")), cohort("B", "50")),
        description=TEXT,
        trigger_data_json_schema={"type": "object", "description": TEXT},
    ),
    "email_layout": {
        "name": TEXT,
        "html_layout": f"<html>{TEXT}{{{{ content }}}}</html>",
        "text_layout": "{{ content }}",
        "footer_links": [{"text": TEXT, "url": "https://example.com"}],
    },
    "partial": {"name": TEXT, "description": TEXT, "type": "html", "content": TEXT},
    "translation": {"format": "json", "content": OBJECT},
    "message_type": {
        "name": TEXT,
        "description": TEXT,
        "preview": TEXT,
        "variants": [
            {
                "key": "default",
                "name": TEXT,
                "fields": [{"type": "text", "key": "title", "label": TEXT, "settings": {}}],
            }
        ],
    },
    "audience": {
        "name": TEXT,
        "description": TEXT,
        "type": "dynamic",
        "segments": [
            {"conditions": [{"property": "plan", "operator": "equal_to", "argument": TEXT}]}
        ],
    },
    "goal": {
        "name": TEXT,
        "description": TEXT,
        "condition": {
            "event": {"event_type": "audience", "event_key": "enter", "audience_key": "vips"}
        },
    },
    "guide": guide(guide_step(title=TEXT, body=TEXT), name=TEXT, description=TEXT),
    "reusable_request": {
        "name": TEXT,
        "description": TEXT,
        "type": "http_fetch",
        "settings": {
            "method": "post",
            "url": TEXT,
            "headers": [{"key": "x-a", "value": TEXT}],
            "body": TEXT,
            "data_input_schema": {"type": "object", "description": TEXT},
            "data_input_values_str": OBJECT,
        },
    },
}
# Broadcasts are authored as content is, and kept apart from it.
ALL: dict[str, KindOfContent[Any]] = {**KINDS, BROADCAST.name.value: BROADCAST}
DOCUMENTS["broadcast"] = {
    "name": TEXT,
    "description": TEXT,
    "categories": [TEXT],
    "target_audience_key": "vips",
    "scheduled_at": "2030-03-01T12:00:00Z",
    "steps": [
        email_step(TEXT, name=TEXT),
        delay_step(),
        branch_step(
            "branch",
            branch(TEXT, feed_step(TEXT), conditions=when("data.x", "equal_to", TEXT)),
            branch("Default"),
        ),
        cohort_step("cohorts", cohort(TEXT, "50", feed_step(TEXT, "feed_2")), cohort("B", "50")),
    ],
}
# Free JSON, in which the CLI looks for no text.
_SCHEMAS = ("trigger_data_json_schema", "data_input_schema")
# What PostgreSQL can store; it may look like Liquid, HTML and lines of Windows.
_TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    st.lists(
        st.sampled_from(
            ["\r\n", "\n", "{{ a }}", "<p>", '"', "\\", "é", "🥐", " ", "a@", "%}", "\t"]
        ),
        min_size=1,
    ).map("".join),
)


def _filled(value: Any, text: str) -> Any:
    """Return a document with a text at every place for one."""
    if isinstance(value, dict):
        return {name: _filled(member, text) for name, member in value.items()}
    if isinstance(value, list):
        return [_filled(member, text) for member in value]
    return value.replace(TEXT, text) if isinstance(value, str) else value


def _lost(written: Any, stored: Any, place: str = "") -> list[str]:
    """Return the places where something that was written is not stored as it is."""
    if isinstance(written, dict) and isinstance(stored, dict):
        return [
            lost
            for name, member in written.items()
            for lost in _lost(member, stored.get(name), f"{place}.{name}")
        ]
    if isinstance(written, list) and isinstance(stored, list) and len(written) == len(stored):
        return [
            lost
            for index, (one, other) in enumerate(zip(written, stored, strict=True))
            for lost in _lost(one, other, f"{place}[{index}]")
        ]
    return [] if written == stored else [place]


def _with_paths(value: Any) -> Any:
    """Return a document as the CLI sends it, from Windows: beside each text the file it is in."""
    if isinstance(value, list):
        return [_with_paths(member) for member in value]
    if not isinstance(value, dict):
        return value
    whole = {
        name: member if name in _SCHEMAS else _with_paths(member) for name, member in value.items()
    }
    texts = [name for name, member in value.items() if isinstance(member, str)]
    return whole | {f"{name}@": f"email_1\\{name}.txt" for name in texts}


def test_every_kind_has_a_document() -> None:
    """A kind that is added needs a document here."""
    assert set(DOCUMENTS) == set(ALL)


@pytest.mark.parametrize("kind", ALL.values(), ids=ALL)
@settings(max_examples=50)
@given(text=_TEXTS)
def test_what_is_written_is_what_is_stored(kind: KindOfContent[Any], text: str) -> None:
    """No text is changed on its way in, and what is stored stores the same again."""
    written = _filled(DOCUMENTS[kind.name], text)

    once = kind.normalise(deepcopy(written), ChannelTypes())

    assert not _lost(written, once)
    assert content_sha(kind.normalise(deepcopy(once), ChannelTypes())) == content_sha(once)


@pytest.mark.parametrize("kind", ALL.values(), ids=ALL)
@settings(max_examples=50)
@given(text=_TEXTS)
def test_what_the_cli_adds_is_left_out(kind: KindOfContent[Any], text: str) -> None:
    """Paths of files, also of Windows, and what is read-only change nothing when they come back."""
    once = kind.normalise(_filled(DOCUMENTS[kind.name], text), ChannelTypes())
    told = {"sha": "x", "environment": "development", "updated_at": "2026-03-01T12:00:00Z"}
    cli = {"$schema": "https://example.com", "__readonly": told, "__annotation": {}}

    pushed = kind.normalise({**_with_paths(once), **told, **cli}, ChannelTypes())

    assert content_sha(pushed) == content_sha(once)
