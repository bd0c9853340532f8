"""The fetch step: a request whose answer joins the data of the run (Knock docs: "Fetch")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.channels.sources import template_sources
from domain.kit.authored import ChannelTypes, FileFields, Template, TemplateFile, write_defaults
from domain.kit.http_requests import HttpMethod, Pair, read_pairs
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import JudgedBy, Shape, Text, Wrong
from domain.kit.violations import Violations
from domain.workflows.steps.base import BaseStep, is_lenient
from domain.workflows.steps.settings import given

# The seconds before the second and the third attempt (Knock docs: "Fetch function").
FETCH_WAITS = (30.0, 60.0)
# Until the whole answer has come.
FETCH_SECONDS = 15.0
SUCCESSES = frozenset({200, 201, 204})
_MOST_LEVELS = 16
_REQUEST = ("url", "headers", "query_params", "body", "signing_key")


def _pairs(raw: JsonValue, info: ValidationInfo) -> JsonValue:
    """A list of pairs, or Liquid; what is stored is judged when it is rendered."""
    if raw is None or is_lenient(info):
        return raw
    violations = Violations()
    read = read_pairs(raw, "", violations)
    violations.raise_any()
    return read


def _response_path(path: str | None) -> str | None:
    """Leave out the root: what is answered always joins `data`."""
    if not path:
        return None
    path = path.removeprefix("data.")
    names = path.split(".")
    if not all(map(str.strip, names)) or len(names) > _MOST_LEVELS:
        raise Wrong("must be a path such as profile.address")
    return path


def _default_method(raw: JsonValue) -> JsonValue:
    return "get" if raw is None else raw


_PAIRS = list[Pair] | str | None


class FetchSettings(Shape):
    """The request, and where its answer goes; all of it but method and path is Liquid."""

    method: Annotated[HttpMethod, BeforeValidator(_default_method)] = "get"
    url: Text
    headers: Annotated[list[JsonObject] | str | None, JudgedBy(_pairs, _PAIRS)] = Field(
        None, description="A list of pairs, or Liquid that renders to an object as JSON."
    )
    query_params: Annotated[list[JsonObject] | str | None, JudgedBy(_pairs, _PAIRS)] = Field(
        None, description="A list of pairs, or Liquid that renders to an object as JSON."
    )
    body: str | None = Field(None, description="JSON, for POST, PUT and PATCH.")
    response_path: Annotated[str | None, AfterValidator(_response_path)] = Field(
        None, description="Where in `data` the answer goes; left out: its members at the top."
    )
    signing_key: str | None = Field(
        None, description="Signs the request in the header `x-knock-signature`."
    )

    def request(self) -> JsonObject:
        """Return the members that are rendered."""
        return {"method": self.method, **{name: getattr(self, name) for name in _REQUEST}}


class HttpFetchStep(BaseStep):
    """Send a request, and take its answer into the data of the run."""

    type: Literal["http_fetch"] = "http_fetch"
    settings: Annotated[FetchSettings, BeforeValidator(given)]

    def templates(self, place: str) -> Iterator[Template]:
        """Yield the sources of the request."""
        yield from template_sources(self.settings.request(), f"{place}.settings")

    def files(self, place: str) -> Iterator[tuple[str, FileFields]]:
        """Yield the settings, whose body may be a file."""
        yield f"{place}.settings", {"body": TemplateFile("json", by_default=False)}

    @classmethod
    def complete(cls, raw: JsonObject, channel_types: ChannelTypes) -> None:
        """Write the method, which Knock's API always answers."""
        if isinstance(raw.get("settings"), dict):
            write_defaults(raw["settings"], {"method": "get"})


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
