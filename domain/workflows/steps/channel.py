"""The channel step: a template for one channel (Knock docs: "Channel steps")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, WithJsonSchema
from pydantic.functional_validators import BeforeValidator

from domain.channels.kinds import CHANNEL_KINDS, STEP_KINDS
from domain.channels.sources import template_sources
from domain.channels.types import ChannelType
from domain.kit.authored import (
    CHANNEL,
    CHANNEL_GROUP,
    NOUNS,
    ChannelTypes,
    FileFields,
    Inputs,
    Reference,
    ResourceType,
    Template,
    TemplateFile,
    texts_within,
    write_defaults,
)
from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import (
    EMPTY_LIST_IS_OBJECT,
    Absent,
    JudgedBy,
    Shape,
    Wrong,
    parsed_by,
    refusal,
    violations_of,
)
from domain.workflows.send_windows import DAYS, SendWindow, parse_send_windows
from domain.workflows.steps.base import BaseStep, is_lenient

# What steps may be of: types that they send messages on, and those of guides, which they name.
_TYPES = [name for name, kind in CHANNEL_KINDS.items() if kind.has_steps or kind.names_guide]
# Every name that a step may call a channel type by.
_CALLED: Mapping[str, ChannelType] = {
    name: kind.channel_type
    for kind in map(CHANNEL_KINDS.__getitem__, _TYPES)
    for name in (kind.channel_type.value, *kind.step_names)
}
_TEMPLATES: Any = reduce(or_, (kind.template for kind in STEP_KINDS.values()))
_OVERRIDES: Any = reduce(
    or_, (kind.overrides for kind in STEP_KINDS.values() if kind.overrides is not None)
)
_SETTINGS_FILES: FileFields = {"pre_content": TemplateFile("txt")}
_OVERRIDE_FILES: FileFields = {"json_overrides": TemplateFile("json")}
_WINDOWS = {
    "type": ["array", "null"],
    "items": {
        "type": "object",
        "properties": {
            "day": {"type": "string", "enum": list(DAYS)},
            "type": {"type": "string", "enum": ["send", "do_not_send"]},
            "from": {"description": "`HH:MM` or `HH:MM:SS`."},
            "until": {"description": "`HH:MM` or `HH:MM:SS`."},
        },
        "required": ["day", "type"],
    },
}


def _misfits(template: JsonObject, place: str, layout: JsonObject) -> Iterator[FieldError]:
    """Yield that a template of MJML cannot stand in a layout of HTML."""
    if template.get("is_mjml") is True and layout.get("is_mjml") is not True:
        yield FieldError(place, "needs a layout of MJML, or none")


def _absent() -> Any:
    """Stand for a member that is not there, and is judged like one that is null."""
    return None


def _group_key(raw: JsonValue) -> JsonValue:
    return None if raw == "" else raw


def _channel_key(raw: JsonValue, info: ValidationInfo) -> JsonValue:
    if "channel_group_key" not in info.data:  # refused, and not for want of a channel
        return ""
    is_missing = raw is None or raw == ""
    if info.data["channel_group_key"] is not None:
        if not is_missing:
            raise Wrong("cannot be combined with channel_group_key")
        return ""
    if is_missing:
        raise Absent("is required")
    return raw


def _channel_type(raw: JsonValue, _info: ValidationInfo) -> ChannelType:
    if raw is None:
        raise Absent("is required")
    if not isinstance(raw, str) or raw not in _CALLED:
        raise Wrong(f"must be one of: {', '.join(_TYPES)}")
    return _CALLED[raw]


def _guide_key(raw: JsonValue, info: ValidationInfo) -> JsonValue:
    channel_type = info.data.get("channel_type")
    names_guide = channel_type is not None and CHANNEL_KINDS[channel_type].names_guide
    if raw in (None, ""):
        if names_guide:
            raise Absent("is required")
        return None
    # What is there where it means nothing is an unknown member, as it always was.
    return raw if names_guide else None


def _inputs(raw: JsonValue, info: ValidationInfo) -> JsonValue:
    channel_type = info.data.get("channel_type")
    if channel_type is None or not CHANNEL_KINDS[channel_type].takes_inputs:
        return None  # as any unknown member
    if raw and info.data.get("channel_group_key") is not None:
        if is_lenient(info):
            return None
        raise Wrong("are only allowed with a channel, not with a channel group")
    return raw


def _template(raw: JsonValue, info: ValidationInfo) -> JsonObject:
    """Check the template as its channel type has it; a stored one is judged when it is rendered."""
    channel_type = info.data.get("channel_type")
    if channel_type is None:
        return {}
    kind = CHANNEL_KINDS[channel_type]
    if kind.may_lack_template and raw in (None, {}):
        return {}
    if raw is None:
        raise Absent("is required")
    if not isinstance(raw, dict):
        raise Wrong("must be an object")
    if not is_lenient(info):
        found = [*_violations(kind.template, raw), *kind.unsupported(raw, "")]
        if found:
            raise refusal(found)
    return raw


def _overrides(raw: JsonValue, info: ValidationInfo) -> JsonObject | None:
    channel_type = info.data.get("channel_type")
    shape = CHANNEL_KINDS[channel_type].overrides if channel_type else None
    if shape is None:
        return None  # where a type has none by Knock's schema, what is there is an unknown field
    if not isinstance(raw, dict | None):
        raise Wrong("must be an object or null")
    if raw and not is_lenient(info) and (found := _violations(shape, raw)):
        raise refusal(found)
    return raw


def _violations(shape: type[Shape], raw: JsonObject) -> Sequence[FieldError]:
    try:
        shape.model_validate(raw)
    except ValidationError as error:
        return violations_of(error, raw)
    return ()


class ChannelStep(BaseStep):
    """Send messages on one channel, or on those that the rules of a group choose."""

    type: Literal["channel"] = "channel"
    channel_group_key: Annotated[str | None, BeforeValidator(_group_key)] = Field(
        None, description="Key of a channel group, instead of a channel."
    )
    channel_key: Annotated[
        str, BeforeValidator(_channel_key), WithJsonSchema({"type": ["string", "null"]})
    ] = Field(
        default_factory=_absent,
        validate_default=True,
        description="Key of the channel; left out with a group.",
    )
    send_windows: Annotated[tuple[SendWindow, ...], parsed_by(parse_send_windows, _WINDOWS)] = (
        Field((), description="On which days and hours the step may send.")
    )
    channel_type: Annotated[
        ChannelType,
        JudgedBy(_channel_type, {"type": "string", "enum": [one.value for one in _TYPES]}),
    ] = Field(
        default_factory=_absent,
        validate_default=True,
        description="Default: the type of the channel.",
    )
    guide_key: Annotated[
        Annotated[str, Field(max_length=255)] | None, BeforeValidator(_guide_key)
    ] = Field(
        None,
        validate_default=True,
        description=(
            "Key of the guide that the recipient may see from then on, if the channel shows guides."
        ),
    )
    inputs: Annotated[
        Annotated[dict[str, Any], EMPTY_LIST_IS_OBJECT] | None, BeforeValidator(_inputs)
    ] = Field(
        None,
        description="Values for the request of a webhook channel by name, which it reads as"
        " `inputs`. Strings are Liquid; one that is a single output keeps the type of its value.",
    )
    template: Annotated[JsonObject, JudgedBy(_template, _TEMPLATES)] = Field(
        default_factory=_absent,
        validate_default=True,
        description="As the channel type defines it; a webhook step may leave it out, and a step "
        "that names a guide has none.",
    )
    channel_overrides: Annotated[JsonObject | None, JudgedBy(_overrides, _OVERRIDES | None)] = (
        Field(None, description="Replaces settings of the channel, field by field.")
    )

    def references(self, place: str) -> Iterator[Reference]:
        """Yield channel or group, layout of an e-mail, guide, and the partials among its blocks."""
        target, key, inputs = CHANNEL, self.channel_key, None
        if self.channel_group_key is not None:
            target, key = CHANNEL_GROUP, self.channel_group_key
        elif CHANNEL_KINDS[self.channel_type].takes_inputs:
            inputs = Inputs(f"{place}.inputs", self.inputs or {})
        at = f"{place}.{target}_key"
        yield Reference(at, target, key, self.channel_type, inputs=inputs)
        layout = CHANNEL_KINDS[self.channel_type].layout_key(self.template)
        if isinstance(layout, str):
            at = f"{place}.template.settings.layout_key"
            yield Reference(
                at,
                ResourceType.EMAIL_LAYOUT,
                layout,
                misfits=partial(_misfits, self.template, f"{place}.template.is_mjml"),
            )
        if self.guide_key is not None:
            at = f"{place}.guide_key"
            yield Reference(at, ResourceType.GUIDE, self.guide_key, may_follow=True)
        kind = CHANNEL_KINDS[self.channel_type]
        for at, key in kind.partials(self.template, f"{place}.template"):
            yield Reference(at, ResourceType.PARTIAL, key)

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the sources of the template, of the inputs, then those of the overrides."""
        yield from template_sources(self.template, f"{place}.template")
        yield from texts_within(self.inputs, f"{place}.inputs")
        for name, source in (self.channel_overrides or {}).items():
            if isinstance(source, str):
                yield Template(f"{place}.channel_overrides.{name}", source)

    def files(self, place: str) -> Iterator[tuple[str, FileFields]]:
        """Yield template, its settings, and the overrides."""
        kind = CHANNEL_KINDS[self.channel_type]
        yield f"{place}.template", kind.template_files
        yield from kind.more_files(self.template, f"{place}.template")
        yield f"{place}.template.settings", _SETTINGS_FILES
        yield f"{place}.channel_overrides", _OVERRIDE_FILES

    @classmethod
    def complete(cls, raw: JsonObject, channel_types: ChannelTypes) -> None:
        """Take the type from the channel or group, and write it all as Knock's API does.

        A step that names a guide may leave out the channel, as Knock's CLI does: it is that of
        guides, if there is only one.
        """
        called = raw.get("channel_type")
        if isinstance(called, str) and called in _CALLED:
            raw["channel_type"] = _CALLED[called].value
            if CHANNEL_KINDS[_CALLED[called]].names_guide and not any(
                raw.get(f"{target}_key") for target in NOUNS
            ):
                raw["channel_key"] = channel_types.only(_CALLED[called])
        for target in NOUNS:
            key = raw.get(f"{target}_key")
            known = channel_types.of(target, key) if isinstance(key, str) else None
            if raw.get("channel_type") is None and known is not None:
                raw["channel_type"] = known
        named, template = raw.get("channel_type"), raw.get("template")
        if isinstance(named, str) and named in STEP_KINDS and isinstance(template, dict):
            write_defaults(template, CHANNEL_KINDS[ChannelType(named)].template_defaults)
