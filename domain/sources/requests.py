"""Shapes of what is set up for a source (Knock Management API, "Sources")."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.functional_validators import AfterValidator

from domain.conditions import parse_condition_group
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import Members, Shape, Text, Wrong, parsed_by, refusal
from domain.sources.actions import ActionType
from domain.sources.paths import NO_SCRIPTS, event_path, script_paths
from domain.sources.providers import PROVIDERS

MAX_MAPPINGS = 200
Name = Annotated[str, Field(min_length=1, max_length=255)]
_Path = Annotated[str | None, AfterValidator(event_path)]
_CONDITIONS = {"type": ["object", "null"], "description": "`all` or `any` of conditions."}


def _no_script(raw: JsonValue) -> None:
    if raw is not None:
        raise Wrong(NO_SCRIPTS)


def _provider(key: str | None) -> str | None:
    if key and key not in PROVIDERS:
        raise Wrong(f"is not a source provider; known ones are {', '.join(PROVIDERS)}")
    return key or None


def _conditions(raw: JsonValue, field: str) -> JsonValue:
    parse_condition_group(raw, field)
    if found := list(script_paths(raw, field, root="event.")):
        raise InvalidParams(found)
    return raw or None


def _parameters(raw: JsonObject | None) -> JsonObject | None:
    if found := list(script_paths(raw)):
        raise refusal(found)
    return raw


class SourceSettingsIn(Shape):
    """How a source works in one environment; what is left out stays as it was."""

    enforce_verification: bool | None = Field(
        None, description="Refuse events that are not signed as configured."
    )
    event_type_path: _Path = Field(None, description="Path of the name of an event.")
    idempotency_key_path: _Path = Field(
        None, description="Path of a key: events with the same key are accepted once within a day."
    )
    timestamp_path: _Path = Field(None, description="Path of the time when an event happened.")
    preprocess_script: Annotated[None, BeforeValidator(_no_script)] = None

    def said(self) -> JsonObject:
        """Return what the request says, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set - {"preprocess_script"}}


class MappingIn(Shape):
    """What is done for an event; strings in the parameters may be paths into it."""

    event_type: Annotated[Text, Field(min_length=1, max_length=255)]
    action_type: ActionType
    action_parameters: Annotated[Members[Any] | None, AfterValidator(_parameters)] = None
    conditions: Annotated[JsonObject | None, parsed_by(_conditions, _CONDITIONS)] = None
    active: bool = True
    is_deleted: bool = Field(False, description="Whether to leave it out of what is stored.")


class SourceEnvironmentIn(Shape):
    """A source in one environment."""

    settings: SourceSettingsIn | None = None
    mappings: Annotated[list[MappingIn], Field(max_length=MAX_MAPPINGS)] | None = Field(
        None, description="All mappings: earlier ones are replaced."
    )


class SourceIn(Shape):
    """A source."""

    name: Name
    description: str | None = None
    custom_image_url: str | None = None
    preconfigured_provider: Annotated[str | None, AfterValidator(_provider)] = Field(
        None, description="A source provider, with whose settings and mappings a new source starts."
    )
    environment_settings: Members[SourceEnvironmentIn] | None = Field(
        None, description="By slug; environments that are left out stay unchanged."
    )


class SourceBodyIn(Shape):
    """A source to be created or changed."""

    source: SourceIn


class RehearsalIn(Shape):
    """An event to be taken as if the source had sent it."""

    payload: Annotated[
        Members[Any],
        Field(description="Its body, or an object with only `body` and `headers`."),
    ]
