"""What of a rendered message tells us that it was opened, and which links in it were followed.

Source: Knock docs, "Link and open tracking". In a feed the action of an item and of its buttons
are not touched: to follow them is an interaction, which the client tells.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from domain.channels.chat import goes_to_phone
from domain.channels.kind import LINK_TRACKING, OPEN_TRACKING
from domain.kit.json_types import JsonObject, JsonValue
from templating.markup.links import (
    add_pixel,
    is_tracked,
    track_html,
    track_markdown,
    track_text,
    untracked_links,
)

# Members of chat documents that hold a link to follow, and text in which links stand.
_LINKS = frozenset({"url", "title_url", "title_link", "author_link"})
_TEXTS = frozenset({"text", "content", "title", "description", "summary", "pretext", "footer"})
# The same of WhatsApp, whose texts are plain.
_PLAIN_TEXTS = frozenset({"text", "body", "caption"})
# What is fetched to be shown, or called: by the `type` of the document, or the member that has it.
_NOT_FOLLOWED = frozenset({"image", "media", "file", "action.http", "video"})
_SHOWN = frozenset({"image", "thumbnail", "video", "backgroundimage", "sources", "slack_file"})


class Tracker(Protocol):
    """Makes the addresses of one message that tell us of it."""

    def long_link(self, url: str) -> str:
        """Return an address that leads to a link; the link itself when it is not tracked."""

    def short_link(self, url: str) -> str:
        """Return a short one, for places with little room."""

    def pixel(self) -> str:
        """Return the address of the image that is loaded when the message is opened."""


def is_on(settings: JsonObject, name: str) -> bool:
    """Tell whether the effective settings of a channel switch something on."""
    return settings.get(name) is True


def track_email(content: JsonObject, settings: JsonObject, tracker: Tracker) -> JsonObject:
    """Track the links of an e-mail, in both of its parts, and that it is opened."""
    html, text = content["html_body"], content["text_body"]
    if is_on(settings, LINK_TRACKING):
        # The text part has the same links, and no attributes.
        left_out = {*untracked_links(html)}
        html = track_html(html, tracker.long_link)
        text = track_text(text, lambda url: url if url in left_out else tracker.long_link(url))
    if is_on(settings, OPEN_TRACKING) and html:
        html = add_pixel(html, tracker.pixel())
    return {**content, "html_body": html, "text_body": text}


def track_text_message(content: JsonObject, settings: JsonObject, tracker: Tracker) -> JsonObject:
    """Track the links of a text message."""
    if not is_on(settings, LINK_TRACKING):
        return content
    return {**content, "body": track_text(content["body"], tracker.short_link)}


def track_feed_item(content: JsonObject, settings: JsonObject, tracker: Tracker) -> JsonObject:
    """Track the links in the body of a feed item."""
    if not is_on(settings, LINK_TRACKING):
        return content
    body, *rest = content["blocks"]
    tracked = {**body, "rendered": track_html(body["rendered"], tracker.long_link)}
    return {**content, "blocks": [tracked, *rest]}


def track_chat_message(content: JsonObject, settings: JsonObject, tracker: Tracker) -> JsonObject:
    """Track the links of a chat message, of Markdown and of a document."""
    if not is_on(settings, LINK_TRACKING):
        return content
    document, text = content["json_content"], content["markdown"]
    is_plain = goes_to_phone(content)
    write = partial(_plain_text if is_plain else _text, tracker)
    return {
        **content,
        "markdown": (track_text if is_plain else track_markdown)(text, tracker.short_link),
        "json_content": None if document is None else _document(document, write),
    }


# Takes the name of a member and its text, and returns the text with tracked links.
Write = Callable[[str, str], str]


def _document(document: JsonObject, write: Write, within: str = "") -> JsonObject:
    """Return a document with tracked links: members that are one, and those in its texts."""
    kind = str(document.get("type", "")).lower()
    is_followed = kind not in _NOT_FOLLOWED and within not in _SHOWN
    tracked: JsonObject = {}
    for name, value in document.items():
        if isinstance(value, str):
            tracked[name] = write(name, value) if is_followed else value
        else:
            tracked[name] = _within(name.lower(), value, write)
    # What Slack shows of a link without a text is its address.
    if kind == "link" and isinstance(document.get("url"), str) and "text" not in document:
        tracked["text"] = document["url"]
    return tracked


def _within(name: str, value: JsonValue, write: Write) -> JsonValue:
    if isinstance(value, dict):
        return _document(value, write, name)
    if isinstance(value, list):
        return [_within(name, each, write) for each in value]
    return value


def _text(tracker: Tracker, name: str, value: str) -> str:
    if name in _LINKS:
        return tracker.short_link(value) if is_tracked(value) else value
    if name in _TEXTS:
        # Plain texts show what they hold, so an address that stands alone stays as it is.
        return track_markdown(value, tracker.short_link, bare=False)
    return value


def _plain_text(tracker: Tracker, name: str, value: str) -> str:
    if name in _LINKS:
        return tracker.short_link(value) if is_tracked(value) else value
    return track_text(value, tracker.short_link) if name in _PLAIN_TEXTS else value
