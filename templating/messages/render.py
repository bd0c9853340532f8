"""One channel step's template and a scope become the content of one message.

Source: Knock docs, "Channel steps"; the management API's `*Template` schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.channels.chat import ChatContent
from domain.channels.in_app_feed import FeedContent
from domain.channels.push import PushContent
from domain.channels.sms import SmsContent
from domain.channels.types import ChannelType
from domain.content.email_layout import EmailLayout
from domain.kit.http_requests import HttpContent
from domain.kit.json_types import JsonObject, Scope
from domain.messages.attachments import Attachment
from domain.messages.kept_data import kept_data
from domain.messages.pushed_data import MOST_PUSHED_BYTES, fitting, room_beside
from templating.limits import DEFAULT_LIMITS, EMAIL_LIMITS, Limits, LiquidError
from templating.liquid.lookups import Lookups
from templating.liquid.printing import storable_json, to_text, weigh
from templating.liquid.renderer import Renderer
from templating.markup.markdown import markdown_to_safe_html, safe_url
from templating.messages.attachments import ATTACHMENTS, read_attachments
from templating.messages.email import render_email
from templating.messages.tracking import (
    Tracker,
    track_chat_message,
    track_email,
    track_feed_item,
    track_text_message,
)
from templating.requests import render_request

__all__ = ["RENDERERS", "ContentRenderer", "LiquidError", "render_content"]

_BUTTON_NAMES = ("primary", "secondary")
# What weighs more takes more bytes as well; to weigh takes no longer the more there is.
_MOST_PUSHED_WEIGHT = 32 * MOST_PUSHED_BYTES


def render_content(
    channel_type: ChannelType,
    template: JsonObject,
    scope: Scope,
    *,
    settings: JsonObject,
    layout: EmailLayout | None = None,
    limits: Limits | None = None,
    lookups: Lookups | None = None,
) -> JsonObject:
    """Render a template into the content of its channel type (see `domain/channels/<type>.py`).

    Args:
        channel_type: decides the shape of template and content.
        template: Knock's template of that channel type.
        scope: what `templating.messages.context.build_scope` built.
        settings: effective settings of the channel, the step's overrides included.
        layout: the e-mail layout named by the template; other channel types ignore it.
        limits: bounds of the whole message; by default those of its channel type.
        lookups: what the filters `user`, `object` and `tenant` may find.

    Returns:
        JSON that PostgreSQL can store, whatever template and data hold.

    Raises:
        LiquidError: when any part of it cannot be rendered; nothing else but MemoryError.
    """
    own = RENDERERS[channel_type]
    renderer = Renderer(scope, limits or own.limits, lookups=lookups)
    try:
        content = own.render(template, renderer, settings, layout)
    except (LiquidError, MemoryError):
        raise
    except Exception as error:
        # Nothing but content went in, so whatever came out is the content's fault.
        name = type(error).__name__
        raise LiquidError(f"The content has an unexpected form ({name}).") from error
    stored: JsonObject = storable_json(content)
    return stored


def _render_sms(
    template: JsonObject, renderer: Renderer, settings: JsonObject, _: EmailLayout | None
) -> SmsContent:
    own = template.get("settings") or {}
    to = own.get("to_number") or "{{ recipient.phone_number }}"
    return {
        "to": renderer.line(to, "settings.to_number"),
        "body": renderer.text(template.get("text_body"), "text_body"),
        "overrides": _payload_overrides(own, renderer, settings),
    }


def _render_push(
    template: JsonObject, renderer: Renderer, settings: JsonObject, _: EmailLayout | None
) -> PushContent:
    own = template.get("settings") or {}
    silent = own.get("delivery_type") == "silent"
    title = "" if silent else renderer.text(template.get("title"), "title")
    body = "" if silent else renderer.text(template.get("text_body"), "text_body")
    overrides = _payload_overrides(own, renderer, settings)
    room = room_beside(title, body, overrides)
    return {
        "title": title,
        "body": body,
        "silent": silent,
        "overrides": overrides,
        "data": _carried(renderer.value("data") or {}, room),
    }


def _carried(data: JsonObject, room: int) -> JsonObject:
    """Return what of a run's data goes along with a push notification that has room for it."""
    own = {name: value for name, value in data.items() if name != ATTACHMENTS}
    if weigh(own, _MOST_PUSHED_WEIGHT) > _MOST_PUSHED_WEIGHT:
        own = kept_data(own)
    return fitting(own, room)


def _payload_overrides(own: JsonObject, renderer: Renderer, settings: JsonObject) -> JsonObject:
    """Render the overrides of the template, which replace those of the channel as a whole."""
    source = own.get("payload_overrides")
    if source is None:
        source = settings.get("payload_overrides")
    return renderer.json_object(source, "settings.payload_overrides")


def _render_chat(
    template: JsonObject, renderer: Renderer, settings: JsonObject, _: EmailLayout | None
) -> ChatContent:
    summary = template.get("summary")
    source = template.get("json_body")
    document = renderer.json_object(source, "json_body") if source is not None else {}
    return {
        "summary": None if summary is None else renderer.line(summary, "summary"),
        "markdown": renderer.markdown(template.get("markdown_body"), "markdown_body"),
        "json_content": document or None,
    }


def _render_feed(
    template: JsonObject, renderer: Renderer, settings: JsonObject, _: EmailLayout | None
) -> FeedContent:
    """Render the blocks of a feed item: the body, then one link or the buttons."""
    body = to_text(template.get("markdown_body"))
    rendered = markdown_to_safe_html(renderer.markdown(body, "markdown_body"))
    blocks: list[JsonObject] = [
        {"name": "body", "type": "markdown", "content": body, "rendered": rendered}
    ]
    given = template.get("action_buttons")
    if given:
        buttons = []
        for index, button in enumerate(given):
            known = index < len(_BUTTON_NAMES)
            field = f"action_buttons[{index}]"
            buttons.append(
                {
                    "name": _BUTTON_NAMES[index] if known else f"action_{index + 1}",
                    "label": renderer.line(button.get("label"), f"{field}.label"),
                    "action": safe_url(renderer.line(button.get("action"), f"{field}.action")),
                }
            )
        blocks.append({"name": "actions", "type": "button_set", "buttons": buttons})
    elif template.get("action_url") is not None:
        source = to_text(template["action_url"])
        url = safe_url(renderer.line(source, "action_url"))
        blocks.append({"name": "action_url", "type": "text", "content": source, "rendered": url})
    return {"blocks": blocks}


def _render_http(
    template: JsonObject, renderer: Renderer, settings: JsonObject, _: EmailLayout | None
) -> HttpContent:
    return render_request(template, renderer)


@dataclass(frozen=True, slots=True)
class ContentRenderer:
    """How messages of one channel type are rendered.

    Attributes:
        render: makes the content from template, renderer, effective settings and layout.
        limits: of a whole message.
        is_slow: whether it takes milliseconds also where the template is short.
        attachments: returns the files that the data brings along for the message.
        track: returns the content with links that tell us of it, as the settings want it.
    """

    render: Callable[[JsonObject, Renderer, JsonObject, EmailLayout | None], Any]
    limits: Limits = DEFAULT_LIMITS
    is_slow: bool = False
    attachments: Callable[[JsonObject, Mapping[str, object]], list[Attachment]] | None = None
    track: Callable[[JsonObject, JsonObject, Tracker], JsonObject] | None = None


def _render_nothing(
    template: JsonObject, renderer: Renderer, settings: JsonObject, layout: EmailLayout | None
) -> JsonObject:
    """Refuse to render what no step makes. Raises LiquidError."""
    raise LiquidError("Guides are not sent as messages.")


RENDERERS: Mapping[ChannelType, ContentRenderer] = {
    # Layout, styles and text part have to be made.
    ChannelType.EMAIL: ContentRenderer(
        render_email,
        EMAIL_LIMITS,
        is_slow=True,
        attachments=read_attachments,
        track=track_email,
    ),
    ChannelType.SMS: ContentRenderer(_render_sms, track=track_text_message),
    ChannelType.PUSH: ContentRenderer(_render_push),
    ChannelType.CHAT: ContentRenderer(_render_chat, track=track_chat_message),
    ChannelType.IN_APP_FEED: ContentRenderer(_render_feed, track=track_feed_item),
    ChannelType.HTTP: ContentRenderer(_render_http),
    ChannelType.IN_APP_GUIDE: ContentRenderer(_render_nothing),
}
