"""Wire shapes of preference sets."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Self, TypeAlias

from pydantic import Field

from domain.kit.answers import Out
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import DocumentedAs
from domain.preferences.names import COMMERCIAL
from domain.preferences.requests import ChannelsIn, ChannelTypesIn, Node, Switch
from domain.preferences.rows import StoredSet

_Nodes: TypeAlias = dict[str, Node] | None


class PreferenceSetOut(Out):
    """A preference set, merged with the defaults below it; null where nothing is said."""

    id: str
    channel_types: Annotated[Any, DocumentedAs(ChannelTypesIn | None)]
    channels: Annotated[Any, DocumentedAs(ChannelsIn | None)] = Field(description="By channel id.")
    categories: Annotated[Any, DocumentedAs(_Nodes)]
    workflows: Annotated[Any, DocumentedAs(_Nodes)] = Field(description="By workflow key.")
    commercial_subscribed: Annotated[Any, DocumentedAs(Switch)] = Field(
        description="Whether commercial messages are wanted."
    )

    @classmethod
    def of(cls, found: StoredSet) -> Self:
        """Write a set as it takes effect."""
        return cls.of_content(found.id, found.resolved())

    @classmethod
    def of_content(cls, set_id: str, content: JsonObject) -> Self:
        """Write what a set says; what has a form of another version says nothing."""
        maps = ("channel_types", "channels", "categories", "workflows")
        commercial = content.get(COMMERCIAL)
        return cls(
            id=set_id,
            **{name: _or_none(content.get(name), dict) for name in maps},
            commercial_subscribed=_or_none(commercial, bool | dict),
        )


def _or_none(value: JsonValue, form: type | UnionType) -> JsonValue:
    return value if isinstance(value, form) else None
