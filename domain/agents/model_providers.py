"""Where language models are asked: settings that an operator writes, per environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from domain.kit.shapes import REFUSE_NULL, ReplaceUnreadable, Shape, Wrong

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def is_provider_name(name: str) -> bool:
    """Tell whether a name may stand before the colon of a model."""
    return _NAME.fullmatch(name) is not None


def _url(url: str | None) -> str | None:
    if url is None:
        return None
    if not url.startswith(("https://", "http://")) or any(mark in url for mark in "?#@ "):
        raise Wrong("must be the address of an API, such as https://models.example.com/v1")
    return url.rstrip("/")


class ModelProviderRequest(Shape):
    """How the models of a provider are reached in one environment."""

    adapter: Annotated[Literal["anthropic", "openai"], REFUSE_NULL] = Field(
        description="The vendor whose HTTP API it implements."
    )
    base_url: Annotated[str | None, AfterValidator(_url)] = Field(
        None, description="Default: the vendor's own server."
    )
    api_key: str | None = Field(
        None, description="A secret; if it is left out or sent back masked, it keeps its value."
    )
    replace_unreadable: ReplaceUnreadable = False


@dataclass(frozen=True, slots=True)
class ModelProvider:
    """A provider of models in one environment; its key is sealed."""

    name: str
    environment_id: UUID
    adapter: str
    base_url: str | None
    sealed: bytes
    inserted_at: datetime
    updated_at: datetime
