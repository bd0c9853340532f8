"""The fetch step: a request whose answer joins the data of the run (Knock docs: "Fetch")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, model_validator
from pydantic.functional_validators import BeforeValidator

from domain.channels.sources import template_sources
from domain.kit.authored import (
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
from domain.kit.shapes import EMPTY_LIST_IS_OBJECT, Absent, refusal
from domain.workflows.steps.base import BaseStep, is_lenient
from domain.workflows.steps.http_request import HttpRequest
from domain.workflows.steps.settings import given

# The seconds before the second and the third attempt (Knock docs: "Fetch function").
FETCH_WAITS = (30.0, 60.0)
# Until the whole answer has come.
FETCH_SECONDS = 15.0
SUCCESSES = frozenset({200, 201, 204})
# What a step says that has no request of its own: nothing, since the request says it.
_OF_THE_REQUEST = (
    "url",
    "headers",
    "query_params",
    "body",
    "response_path",
    "signing_key",
)


def _url(raw: JsonValue, info: ValidationInfo) -> JsonValue:
    if raw is None and info.data.get("reusable_request_key") is None:
        raise Absent("is required")
    return raw


class FetchSettings(HttpRequest):
    """The request of a step, or which reusable one it has sent with what inputs.

    Knock documents reusable requests, and not how a step names one: the two members are ours.
    """

    reusable_request_key: str | None = Field(
        None,
        min_length=1,
        description="Key of a reusable request, instead of all other members of a request.",
    )
    url: Annotated[str | None, BeforeValidator(_url)] = Field(
        None, validate_default=True, description="Required unless a reusable request is sent."
    )
    inputs: Annotated[dict[str, Any] | None, EMPTY_LIST_IS_OBJECT] = Field(
        None,
        description="Values for the reusable request by name, which it reads as `inputs`. Strings"
        " are Liquid; one that is a single output keeps the type of its value.",
    )

    @model_validator(mode="after")
    def _has_one_request(self, info: ValidationInfo) -> Self:
        if is_lenient(info):
            return self
        if self.reusable_request_key is None:
            if self.inputs:
                raise refusal(
                    [FieldError("inputs", "are only allowed with a reusable_request_key")]
                )
            return self
        message = "is defined by the reusable request: leave one of them out"
        wrong = [name for name in _OF_THE_REQUEST if getattr(self, name) is not None]
        if self.method != "get":
            wrong.insert(0, "method")
        if wrong:
            raise refusal([FieldError(name, message) for name in wrong])
        return self


class HttpFetchStep(BaseStep):
    """Send a request, and take its answer into the data of the run."""

    type: Literal["http_fetch"] = "http_fetch"
    settings: Annotated[FetchSettings, BeforeValidator(given)]

    def references(self, place: str) -> Iterator[Reference]:
        """Yield the reusable request, and what it is given."""
        settings = self.settings
        if settings.reusable_request_key is not None:
            yield Reference(
                f"{place}.settings.reusable_request_key",
                ResourceType.REUSABLE_REQUEST,
                settings.reusable_request_key,
                inputs=Inputs(f"{place}.settings.inputs", settings.inputs or {}),
            )

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the sources of the request, or of what a reusable one is given."""
        if self.settings.reusable_request_key is None:
            yield from template_sources(self.settings.request(), f"{place}.settings")
        else:
            yield from texts_within(self.settings.inputs, f"{place}.settings.inputs")

    def files(self, place: str) -> Iterator[tuple[str, FileFields]]:
        """Yield the settings, whose body may be a file."""
        if self.settings.reusable_request_key is None:
            yield f"{place}.settings", {"body": TemplateFile("json", by_default=False)}

    @classmethod
    def complete(cls, raw: JsonObject, channel_types: ChannelTypes) -> None:
        """Write the method, which Knock's API always answers, where it is the step's to say."""
        settings = raw.get("settings")
        if isinstance(settings, dict) and settings.get("reusable_request_key") is None:
            write_defaults(settings, {"method": "get"})


def merged(data: Mapping[str, Any], answer: JsonValue, path: str | None) -> JsonObject | None:
    """Return what an answer changes in the data of a run; None when it was empty.

    Without a path its members replace those of the same name at the top. With one it stands there;
    objects on the way are kept, and what is no object is replaced by one.
    """
    if answer is None:
        return None
    if path is None:
        patch: JsonObject = dict(answer)
        return patch
    first, *rest = path.split(".")
    value = answer
    on_the_way: list[tuple[JsonObject, str]] = []
    found: Any = data.get(first)
    for name in rest:
        kept = found if isinstance(found, dict) else {}
        on_the_way.append((kept, name))
        found = kept.get(name)
    for kept, name in reversed(on_the_way):
        value = {**kept, name: value}
    return {first: value}
