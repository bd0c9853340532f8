"""Checks a step's template when a workflow is saved: Liquid, overrides, unsupported bodies."""

from __future__ import annotations

from collections.abc import Iterator

from domain.channels.types import ChannelType
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject
from templating.liquid.environment import check_source
from templating.liquid.renderer import parse_json
from templating.liquid.scan import has_liquid

# Names and switches, not templates.
_PLAIN_KEYS = frozenset({"layout_key", "attachment_key", "delivery_type", "is_mjml", "method"})
_JSON_FIELDS = ("json_body", "json_overrides", "payload_overrides")


def check_template(channel_type: ChannelType, template: JsonObject, field: str) -> list[FieldError]:
    """Return what is wrong with a template of a channel step.

    Args:
        channel_type: the step's channel type.
        template: its template, as sent.
        field: where it stands, such as `steps[0].template`; the errors' paths begin with it.
    """
    errors = list(_check_kind(channel_type, template, field))
    for path, source in _sources(template, field):
        errors.extend(
            FieldError(path, str(error), "invalid_liquid") for error in check_source(source)
        )
        if path.rpartition(".")[2] in _JSON_FIELDS and not _may_be_object(source):
            errors.append(FieldError(path, "must render to a JSON object", "invalid_json"))
    return errors


def _check_kind(
    channel_type: ChannelType, template: JsonObject, field: str
) -> Iterator[FieldError]:
    """Check what depends on the channel type, and is not a matter of shape."""
    if channel_type is ChannelType.EMAIL:
        yield from _check_email(template, field)


def _check_email(template: JsonObject, field: str) -> Iterator[FieldError]:
    if template.get("visual_blocks") is not None:
        message = "visual blocks are not supported by this version; use html_body"
        yield FieldError(f"{field}.visual_blocks", message, "not_supported")
    elif template.get("html_body") is None:
        yield FieldError(f"{field}.html_body", "is required", "required")
    if template.get("is_mjml"):
        message = "MJML is not supported by this version"
        yield FieldError(f"{field}.is_mjml", message, "not_supported")


def _sources(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Walk a template and yield every string in it that is rendered, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _sources(item, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _PLAIN_KEYS and key != "visual_blocks":
                yield from _sources(item, f"{path}.{key}")


def _may_be_object(source: str) -> bool:
    """Tell whether a source can render to a JSON object; Liquid in it leaves that open."""
    if has_liquid(source) or not source.strip():
        return True
    try:
        return isinstance(parse_json(source), dict)
    except ValueError:
        return False
