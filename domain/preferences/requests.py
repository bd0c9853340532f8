"""What requests say about preferences. Null says nothing.

Source: Knock docs, "Preferences overview", "Preference conditions", "Tenant preferences"; Knock API
reference, PreferenceSetRequest, and the older operations on parts of a set.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from domain.conditions import parse_conditions
from domain.conditions.operators import AUDIENCE_OPERATORS, OPERATORS
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.ids import MAX_ID_CHARACTERS
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import EMPTY_LIST_IS_OBJECT, JudgedWhole, Shape, Wrong, parsed_by
from domain.kit.violations import Violations
from domain.preferences.names import STRATEGY

_CONDITIONS: JsonObject = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "variable": {"type": "string"},
            "operator": {"type": "string", "enum": [*OPERATORS, *AUDIENCE_OPERATORS]},
            "argument": {"description": "A string, a number or null."},
        },
        "required": ["variable", "operator"],
    },
}


def _conditions(raw: JsonValue, field: str) -> JsonValue:
    violations = Violations()
    for index, condition in enumerate(parse_conditions(raw, field)):
        if condition.variable.startswith("refs."):
            message = "preferences cannot refer to the status of messages"
            violations.add(f"{field}[{index}].variable", message)
    violations.raise_any()
    return raw


def _conditions_that_are_there(raw: JsonValue, field: str) -> JsonValue:
    if raw is None:
        raise InvalidParams.of(field, "must be a list of conditions")
    return _conditions(raw, field)


def _channel_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Wrong("is not a channel id") from None


def _form(raw: object) -> str | None:
    """Tell which of the two forms a preference has, before it is read and when it is written."""
    if isinstance(raw, bool):
        return "(flag)"
    return "(object)" if isinstance(raw, dict | Shape) else None


# As long as a path takes it, or a set that was written in parts could not be written as a whole.
_Key = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS)]
_Strategy = Annotated[Literal["merge", "replace"] | None, Field(alias=STRATEGY)]
PreferenceSetId = _Key


class _Preferences(Shape):
    # By alias only: a category may bear the name of a field.
    model_config = ConfigDict(populate_by_name=False)

    def content(self) -> JsonObject:
        """Return what is said, as it was written."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class ConditionalIn(_Preferences):
    """A preference that depends: on while all conditions hold."""

    conditions: Annotated[list[JsonValue], parsed_by(_conditions_that_are_there, _CONDITIONS)]


# On or off, perhaps by conditions.
Switch: TypeAlias = (
    Annotated[
        Annotated[bool, Tag("(flag)")] | Annotated[ConditionalIn, Tag("(object)")],
        Discriminator(
            _form, custom_error_type="preference", custom_error_message="is not a preference"
        ),
    ]
    | None
)


class ChannelTypesIn(_Preferences):
    """Preferences by type of channel."""

    strategy: _Strategy = Field(
        None, description="In defaults, `replace` makes this override what recipients prefer."
    )
    email: Switch = None
    in_app_feed: Switch = None
    sms: Switch = None
    push: Switch = None
    chat: Switch = None
    http: Switch = None


class ChannelsIn(_Preferences):
    """Preferences by id of channel; they beat those for its type."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[Annotated[str, AfterValidator(_channel_id)], Switch]

    strategy: _Strategy = None


class NodeIn(_Preferences):
    """Preferences for a workflow or a category; all that apply have to be on."""

    strategy: _Strategy = None
    channel_types: Annotated[ChannelTypesIn, EMPTY_LIST_IS_OBJECT] | None = None
    channels: Annotated[ChannelsIn, EMPTY_LIST_IS_OBJECT] | None = None
    conditions: Annotated[list[JsonValue] | None, parsed_by(_conditions, _CONDITIONS)] = None


Node: TypeAlias = (
    Annotated[
        Annotated[bool, Tag("(flag)")] | Annotated[NodeIn, Tag("(object)")],
        Discriminator(
            _form, custom_error_type="preferences", custom_error_message="is not a preference"
        ),
    ]
    | None
)
Nodes: TypeAlias = Annotated[dict[_Key, Node], EMPTY_LIST_IS_OBJECT]


class PreferenceSetIn(_Preferences):
    """A preference set; how it is to be stored is said in it and is never a part of it."""

    persistence: Literal["merge", "replace"] | None = Field(
        None,
        alias="__persistence_strategy__",
        description="Whether the set is merged into the stored one, or replaces it.",
    )
    channel_types: Annotated[ChannelTypesIn, EMPTY_LIST_IS_OBJECT] | None = None
    channels: Annotated[ChannelsIn, EMPTY_LIST_IS_OBJECT] | None = None
    categories: Nodes | None = None
    workflows: Nodes | None = None
    commercial_subscribed: Switch = Field(
        None, description="For a recipient, only the one in the set `default` counts."
    )

    def content(self) -> JsonObject:
        """Return what is said, as it was written."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude={"persistence"})


PreferenceSet: TypeAlias = Annotated[PreferenceSetIn, EMPTY_LIST_IS_OBJECT]


class NodesIn(_Preferences):
    """Preferences by workflow, or by category."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[_Key, Node]


class NodeEntryIn(NodeIn):
    """The preferences for one workflow or one category."""

    subscribed: bool | None = None

    def entry(self) -> JsonValue:
        """Return what is stored: a flag, unless more is said than that it is on."""
        said = self.model_dump(by_alias=True, exclude_none=True, exclude={"subscribed"})
        if self.subscribed is None or (self.subscribed and said):
            return said
        return self.subscribed


class SwitchEntryIn(_Preferences, JudgedWhole):
    """The preference for one type of channel: `subscribed`, or `conditions`."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["subscribed"]}, {"required": ["conditions"]}]}
    )

    subscribed: bool | None = None
    conditions: Annotated[list[JsonValue] | None, parsed_by(_conditions, _CONDITIONS)] = None

    @classmethod
    def problems(cls, given: JsonObject, size: int | None) -> Iterable[FieldError]:
        """Tell whether nothing is said."""
        if given.get("subscribed") is None and given.get("conditions") is None:
            yield FieldError("subscribed", "is required")

    def entry(self) -> JsonValue:
        """Return what is stored."""
        if self.conditions is not None and self.subscribed is not False:
            return {"conditions": self.conditions}
        return self.subscribed
