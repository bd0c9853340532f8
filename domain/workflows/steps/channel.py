"""The channel step: a template for one channel (Knock docs: "Channel steps").

Only the shape of a template is judged here; its Liquid is judged by who renders it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.channels.types import ChannelType
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.violations import Violations
from domain.workflows.send_windows import SendWindow, parse_send_windows
from domain.workflows.steps.base import (
    BaseStep,
    optional_flag,
    optional_object,
    optional_text,
    parse_common,
    required_text,
)

_ALIASES = {"webhook": ChannelType.HTTP}
_METHODS = ("get", "post", "put", "delete", "patch")

_OVERRIDE_TEXTS = {
    ChannelType.EMAIL: (
        "to_address",
        "from_address",
        "from_name",
        "cc_address",
        "bcc_address",
        "reply_to_address",
        "json_overrides",
    ),
}
_OVERRIDE_FLAGS = {
    ChannelType.EMAIL: ("link_tracking", "open_tracking"),
    ChannelType.IN_APP_FEED: ("link_tracking",),
    ChannelType.SMS: ("link_tracking",),
    ChannelType.PUSH: ("token_deregistration",),
    ChannelType.CHAT: ("link_tracking", "email_based_user_id_resolution"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStep(BaseStep):
    """Send one message on one channel; `template` is Knock's JSON for the channel type."""

    step_type = "channel"

    channel_type: ChannelType
    channel_key: str
    template: JsonObject
    channel_overrides: JsonObject | None = None
    send_windows: tuple[SendWindow, ...] = ()


def parse_channel(raw: JsonObject, field: str, violations: Violations) -> ChannelStep | None:
    """Read a channel step, or None when its channel type is wrong; errors go to `violations`."""
    common = parse_common(raw, field, violations)
    key = _parse_channel_key(raw, field, violations)
    windows = violations.check(parse_send_windows, raw.get("send_windows"), f"{field}.send_windows")
    channel_type = violations.check(
        _parse_channel_type, raw.get("channel_type"), f"{field}.channel_type"
    )
    if channel_type is None:
        return None
    return ChannelStep(
        **common,
        channel_type=channel_type,
        channel_key=key or "",
        template=_parse_template(raw, field, channel_type, violations),
        channel_overrides=_parse_overrides(raw, field, channel_type, violations),
        send_windows=windows or (),
    )


def _parse_channel_type(raw: JsonValue, field: str) -> ChannelType:
    if raw is None:
        raise InvalidParams.of(field, "is required")
    if raw == "in_app_guide":
        raise InvalidParams.of(field, "channel type in_app_guide is not supported by this version")
    known = {**{each.value: each for each in ChannelType}, **_ALIASES}
    if not isinstance(raw, str) or raw not in known:
        raise InvalidParams.of(field, f"must be one of {', '.join(ChannelType)}")
    return known[raw]


def _parse_channel_key(raw: JsonObject, field: str, violations: Violations) -> str | None:
    if raw.get("channel_group_key") is not None:
        violations.add(
            f"{field}.channel_group_key", "channel groups are not supported by this version"
        )
        return None
    if raw.get("channel_key") in (None, ""):
        violations.add(f"{field}.channel_key", "is required")
        return None
    return optional_text(raw, "channel_key", field, violations)


def _parse_overrides(
    raw: JsonObject, field: str, channel_type: ChannelType, violations: Violations
) -> JsonObject | None:
    if channel_type is ChannelType.HTTP:  # has none by Knock's schema; an extra field is ignored
        return None
    overrides = optional_object(raw, "channel_overrides", field, violations)
    if overrides is not None:
        place = f"{field}.channel_overrides"
        for key in _OVERRIDE_TEXTS.get(channel_type, ()):
            optional_text(overrides, key, place, violations)
        for key in _OVERRIDE_FLAGS.get(channel_type, ()):
            optional_flag(overrides, key, place, violations)
    return overrides


def _parse_template(
    raw: JsonObject, field: str, channel_type: ChannelType, violations: Violations
) -> JsonObject:
    """Check the template; a webhook step may leave it out and use its channel's own request."""
    template: JsonValue = raw.get("template")
    if channel_type is ChannelType.HTTP and template in (None, {}):
        return {}
    if template is None:
        violations.add(f"{field}.template", "is required")
    elif not isinstance(template, dict):
        violations.add(f"{field}.template", "must be an object")
    else:
        _TEMPLATE_CHECKS[channel_type](template, f"{field}.template", violations)
        return template
    return {}


def _check_email(template: JsonObject, field: str, violations: Violations) -> None:
    required_text(template, "subject", field, violations)
    optional_text(template, "html_body", field, violations)
    optional_text(template, "text_body", field, violations)
    optional_flag(template, "is_mjml", field, violations)
    _check_list(template, "visual_blocks", field, violations)
    settings = optional_object(template, "settings", field, violations) or {}
    for key in ("layout_key", "attachment_key", "pre_content"):
        optional_text(settings, key, f"{field}.settings", violations)


def _check_feed(template: JsonObject, field: str, violations: Violations) -> None:
    required_text(template, "markdown_body", field, violations)
    optional_text(template, "action_url", field, violations)
    _check_pairs(template, "action_buttons", field, ("label", "action"), violations)


def _check_sms(template: JsonObject, field: str, violations: Violations) -> None:
    required_text(template, "text_body", field, violations)
    settings = optional_object(template, "settings", field, violations) or {}
    for key in ("to_number", "payload_overrides"):
        optional_text(settings, key, f"{field}.settings", violations)


def _check_push(template: JsonObject, field: str, violations: Violations) -> None:
    settings = optional_object(template, "settings", field, violations) or {}
    delivery_type = settings.get("delivery_type")
    if delivery_type not in (None, "content", "silent"):
        violations.add(f"{field}.settings.delivery_type", "must be content or silent")
    optional_text(settings, "payload_overrides", f"{field}.settings", violations)
    # A silent push carries data only.
    check = optional_text if delivery_type == "silent" else required_text
    check(template, "title", field, violations)
    check(template, "text_body", field, violations)


def _check_chat(template: JsonObject, field: str, violations: Violations) -> None:
    required_text(template, "markdown_body", field, violations)
    optional_text(template, "json_body", field, violations)
    optional_text(template, "summary", field, violations)


def _check_http(template: JsonObject, field: str, violations: Violations) -> None:
    required_text(template, "url", field, violations)
    method = required_text(template, "method", field, violations)
    if method is not None and method not in _METHODS:
        violations.add(f"{field}.method", f"must be one of {', '.join(_METHODS)}")
    _check_pairs(template, "headers", field, ("key", "value"), violations)
    _check_pairs(template, "query_params", field, ("key", "value"), violations)
    optional_text(template, "body", field, violations)


def _check_list(
    template: JsonObject, key: str, field: str, violations: Violations
) -> list[JsonValue]:
    entries: JsonValue = template.get(key)
    if entries is not None and not isinstance(entries, list):
        violations.add(f"{field}.{key}", "must be a list or null")
        return []
    return entries or []


def _check_pairs(
    template: JsonObject, key: str, field: str, names: tuple[str, str], violations: Violations
) -> None:
    """Check a list of objects of two strings each."""
    for index, entry in enumerate(_check_list(template, key, field, violations)):
        place = f"{field}.{key}[{index}]"
        if not isinstance(entry, dict):
            violations.add(place, f"must be an object with {names[0]} and {names[1]}")
            continue
        for name in names:
            required_text(entry, name, place, violations)


_TEMPLATE_CHECKS: dict[ChannelType, Callable[[JsonObject, str, Violations], None]] = {
    ChannelType.EMAIL: _check_email,
    ChannelType.IN_APP_FEED: _check_feed,
    ChannelType.SMS: _check_sms,
    ChannelType.PUSH: _check_push,
    ChannelType.CHAT: _check_chat,
    ChannelType.HTTP: _check_http,
}
