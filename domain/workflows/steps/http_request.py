"""What a request is written as, by fetch steps and by requests that several of them share.

Source: Management API reference, RequestTemplate; Knock docs, "Fetch function".
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, ValidationInfo
from pydantic.functional_validators import AfterValidator, BeforeValidator

from domain.kit.http_requests import HttpMethod, Pair, read_pairs
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import JudgedBy, Shape, Wrong
from domain.kit.violations import Violations
from domain.workflows.steps.base import is_lenient

_MOST_LEVELS = 16
_RENDERED = ("url", "headers", "query_params", "body", "signing_key")


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


class HttpRequest(Shape):
    """A request but for its `url`, and where its answer goes; most of it is Liquid."""

    method: Annotated[HttpMethod, BeforeValidator(_default_method)] = "get"
    headers: Annotated[list[JsonObject] | str | None, JudgedBy(_pairs, _PAIRS)] = Field(
        None, description="A list of pairs, or Liquid that renders to an object as JSON."
    )
    query_params: Annotated[list[JsonObject] | str | None, JudgedBy(_pairs, _PAIRS)] = Field(
        None, description="A list of pairs, or Liquid that renders to an object as JSON."
    )
    body: str | None = Field(None, description="JSON, for POST, PUT and PATCH.")
    response_path: Annotated[str | None, AfterValidator(_response_path)] = Field(
        None,
        description=("Where in `data` the answer goes. Default: its members go to the top level."),
    )
    signing_key: str | None = Field(
        None, description="Signs the request in the header `x-knock-signature`."
    )

    def request(self) -> JsonObject:
        """Return the members that are rendered."""
        return {"method": self.method, **{name: getattr(self, name) for name in _RENDERED}}
