"""Reusable requests as a kind of content: requests that fetch steps of many workflows send.

A step names one and says nothing of it itself; what is published when a run comes to the step is
what is sent. Source: Management API reference, "Reusable requests"; Knock docs, "Fetch function"
and, of the CLI, "Reusable requests".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, ValidationInfo

from domain.channels.sources import template_sources
from domain.conditions import (
    ConditionGroup,
    message_refs,
    parse_condition_group,
    read_condition_group,
)
from domain.content.kind import KindOfContent
from domain.kit.authored import ChannelTypes, FileFields, ResourceType, Template, TemplateFile
from domain.kit.json_types import JsonObject, JsonValue, read_json
from domain.kit.shapes import Shape, Text, Wrong, parsed_by, violations_of
from domain.kit.stored import Name, read_document
from domain.kit.violations import Violations
from domain.workflows.definition import MAX_DESCRIPTION_LENGTH
from domain.workflows.steps.base import CONDITIONS, Reading, is_lenient
from domain.workflows.steps.http_request import HttpRequest
from domain.workflows.steps.settings import given

_SCHEMA = "data_input_schema"


def _preview(raw: str | None, info: ValidationInfo) -> str | None:
    if raw is None or not raw.strip():
        return None
    try:
        values = read_json(raw)
    except (ValueError, RecursionError):
        values = None
    if isinstance(values, dict):
        return raw
    if is_lenient(info):
        return None
    raise Wrong("must be a JSON object, as a string")


def _conditions(raw: JsonValue, field: str) -> ConditionGroup | None:
    """Read the conditions of a request, which cannot know the steps of its workflows."""
    group = parse_condition_group(raw, field)
    violations = Violations()
    for place, ref in message_refs(group, field):
        message = f"step {ref[:255]!r} belongs to a workflow, and several may send this request"
        violations.add(f"{place}.variable", message)
    violations.raise_any()
    return group


class RequestSettings(HttpRequest):
    """The request, and what it is given; templates read that as `inputs`."""

    url: Text
    data_input_schema: JsonObject | None = Field(
        None, description="A JSON Schema of the inputs; without one, any are accepted."
    )
    data_input_values_str: Annotated[str | None, AfterValidator(_preview)] = Field(
        None, description="Inputs for previews of the request alone: a JSON object, as a string."
    )


class ReusableRequestShape(Shape):
    """A reusable request as it is written; members that a client adds beside these are ignored."""

    name: Name | None = None
    description: Annotated[str | None, Field(max_length=MAX_DESCRIPTION_LENGTH)] = None
    type: Literal["http_fetch"] | None = Field("http_fetch", description="The only allowed value.")
    settings: Annotated[RequestSettings, BeforeValidator(given)]
    conditions: Annotated[ConditionGroup | None, parsed_by(_conditions, CONDITIONS)] = Field(
        None, description="Evaluated after those of the step; may also refer to `inputs`."
    )


@dataclass(frozen=True, slots=True)
class ReusableRequest:
    """A request that steps name.

    Attributes:
        key: names it in every environment.
        settings: the request; None when it was stored by a version that this one does not
            understand.
        conditions: what has to hold beside the conditions of a step, or None.
        problem: why there are no settings.
    """

    key: str
    settings: RequestSettings | None
    conditions: ConditionGroup | None = None
    problem: str = ""

    def preview_inputs(self) -> JsonObject:
        """Return the inputs that its author previews it with."""
        written = self.settings and self.settings.data_input_values_str
        values: JsonObject = read_json(written) if written else {}
        return values


class ReusableRequestKind(KindOfContent[ReusableRequest]):
    """What reusable requests tell of themselves; what they render is found in their Liquid."""

    name: ClassVar[ResourceType] = ResourceType.REUSABLE_REQUEST
    noun: ClassVar[str] = "reusable request"
    shape: ClassVar[type[Shape]] = ReusableRequestShape
    defaults: ClassVar[Mapping[str, JsonValue]] = {"type": "http_fetch"}

    def normalise(self, raw: JsonObject, channel_types: ChannelTypes) -> JsonObject:
        """Return the members that are written; the schema is free JSON, and stays as it is."""
        sent = super().normalise(raw, channel_types)
        settings = sent["settings"]
        if isinstance(settings, dict):
            written = {**settings, _SCHEMA: raw["settings"].get(_SCHEMA)}
            sent["settings"] = {"method": "get"} | {
                name: written[name]
                for name in RequestSettings.model_fields
                if written.get(name) is not None
            }
        if sent["conditions"] == {}:
            sent["conditions"] = None
        return sent

    def check(self, content: JsonObject, key: str) -> ReusableRequest:
        """Read a draft. Raises InvalidParams with every violation."""
        shape = read_document(ReusableRequestShape, content, key)
        return ReusableRequest(key, shape.settings, shape.conditions)

    def read(self, content: JsonValue, key: str) -> ReusableRequest:
        """Read a stored request, and refuse none: a step fails its run with the problem."""
        stored: Any = content if isinstance(content, dict) else {}
        conditions = read_condition_group(stored.get("conditions"))
        raw = stored.get("settings")
        try:
            settings = RequestSettings.model_validate(raw, context=Reading(is_lenient=True))
        except ValidationError as error:
            wrong = violations_of(error, raw)
            problem = "; ".join(f"{one.field} {one.message}" for one in wrong[:3])
            return ReusableRequest(key, None, conditions, problem)
        return ReusableRequest(key, settings, conditions)

    def salvage(self, content: JsonObject, key: str) -> tuple[ReusableRequest, list[Template]]:
        """Read it; settings that cannot be read have their Liquid all the same."""
        document = self.read(content, key)
        settings = content["settings"] if document.settings is None else None
        if not isinstance(settings, dict):
            return document, []
        sources = {name: each for name, each in settings.items() if not name.startswith("data_")}
        return document, list(template_sources(sources, "settings"))

    def templates(self, document: ReusableRequest) -> Iterator[Template]:
        """Yield the sources of the request."""
        if document.settings is not None:
            yield from template_sources(document.settings.request(), "settings")

    def files(self, document: ReusableRequest) -> Iterator[tuple[str, FileFields]]:
        """Yield the settings, whose body may be a file."""
        yield "settings", {"body": TemplateFile("json", by_default=False)}

    def schemas(self, document: ReusableRequest) -> Iterator[tuple[str, JsonObject]]:
        """Yield the schema of its inputs."""
        if document.settings is not None and document.settings.data_input_schema is not None:
            yield f"settings.{_SCHEMA}", document.settings.data_input_schema

    def takes(self, content: JsonObject) -> JsonObject | None:
        """Return the schema of its inputs."""
        settings = content.get("settings")
        schema = settings.get(_SCHEMA) if isinstance(settings, dict) else None
        return schema if isinstance(schema, dict) else None


REUSABLE_REQUEST = ReusableRequestKind()
