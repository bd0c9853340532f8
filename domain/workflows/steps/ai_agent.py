"""The AI agent step: asks a language model (Knock docs: "AI agent function")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.agents.model_providers import is_provider_name
from domain.kit.authored import Template
from domain.kit.json_types import JsonObject, read_json
from domain.kit.shapes import REFUSE_NULL, Absent, Shape, Text, Wrong
from domain.workflows.steps.base import BaseStep, is_lenient
from domain.workflows.steps.settings import given

# The seconds before each attempt but the first. Knock: up to three retries.
ASK_WAITS = (5.0, 30.0, 60.0)
_LONGEST_MODEL = 255


def _model(model: str) -> str:
    provider, colon, name = model.partition(":")
    if not colon or not is_provider_name(provider) or not name.strip():
        raise Wrong("must be a provider and a model, such as anthropic:claude-haiku-4-5")
    if len(model) > _LONGEST_MODEL:
        raise Wrong(f"must have at most {_LONGEST_MODEL} characters")
    return model


def _response_schema(text: str | None, info: ValidationInfo) -> str | None:
    if info.data.get("response_type") != "json" or is_lenient(info):
        return text
    if text is None or not text.strip():
        raise Absent("is required for a response_type of json")
    if _read_schema(text) is None:
        raise Wrong("must be a JSON Schema, as a string")
    return text


def _read_schema(text: str) -> JsonObject | None:
    try:
        schema = read_json(text)
    except (ValueError, RecursionError):
        return None
    return schema if isinstance(schema, dict) else None


class AiAgentSettings(Shape):
    """What is asked, of whom, and what the answer has to be."""

    model: Annotated[Text, AfterValidator(_model)] = Field(
        description=(
            "A model provider of the environment, a colon, and the provider's name for the model."
        )
    )
    request_prompt: Annotated[str, Field(min_length=1), REFUSE_NULL] = Field(description="Liquid.")
    response_type: Annotated[Literal["text", "json"], REFUSE_NULL]
    response_schema: Annotated[
        str | None, AfterValidator(_response_schema), Field(validate_default=True)
    ] = Field(None, description="A JSON Schema as a string; required for `json`.")
    web_search_enabled: bool | None = Field(
        None, description="Whether the model may search the web; Anthropic only."
    )
    halt_on_error: bool | None = Field(
        None, description="False lets the run continue without an answer."
    )

    @property
    def schema_of_answer(self) -> JsonObject | None:
        """Return the schema of a JSON answer, or None where text is wanted."""
        if self.response_type != "json":
            return None
        return _read_schema(self.response_schema or "") or {}


class AiAgentStep(BaseStep):
    """Ask a language model; its answer is found in the data under the step's ref."""

    type: Literal["ai_agent"] = "ai_agent"
    settings: Annotated[AiAgentSettings, BeforeValidator(given)]

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the prompt."""
        yield Template(f"{place}.settings.request_prompt", self.settings.request_prompt)

    def schemas(self, place: str) -> Iterator[tuple[str, JsonObject]]:
        """Yield the schema of the answer."""
        schema = self.settings.schema_of_answer
        if schema is not None:
            yield f"{place}.settings.response_schema", schema
