"""Variables: what all templates of an environment see as `vars` (Knock docs: "Variables").

Source: Management API reference, Variable. They are not versioned and take effect at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from domain.kit.branding import COLOR_DEFAULTS, BrandingMembers
from domain.kit.filters import Filter
from domain.kit.json_types import JsonObject, JsonValue, read_json
from domain.kit.shapes import ReplaceUnreadable, Shape, Wrong

MAX_VARIABLES = 500
MAX_VALUE = 16_384
# What `vars` holds beside variables.
BRANDING = "branding"
_RESERVED = frozenset({BRANDING, "commercial_unsubscribe_url", "manage_preferences_url"})
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,254}")


class VariableType(StrEnum):
    """Whether others may read a variable."""

    PUBLIC = "public"
    SECRET = "secret"  # noqa: S105 - a type of variable, not a secret


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the account, with the value that environments without one of their own have.

    A secret one has its value sealed, in `sealed_value`.
    """

    key: str
    type: str
    description: str | None
    value: str | None
    sealed_value: bytes | None
    inserted_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VariableValue:
    """The value that a variable has in one environment; `environment` is a slug."""

    environment_id: UUID
    environment: str
    key: str
    value: str | None
    sealed_value: bytes | None


@dataclass(frozen=True, slots=True)
class EffectiveVariable:
    """A variable as one environment sees it.

    Attributes:
        environment_id: whose value it is; None for the account's.
    """

    key: str
    type: str
    value: str | None
    sealed_value: bytes | None
    environment_id: UUID | None


@dataclass(frozen=True, slots=True)
class Variables:
    """All variables of an environment, opened.

    Attributes:
        values: by key, as templates see them, with `branding`.
        public: those that anybody may see, without the branding.
        secrets: texts that no trace may show.
        missing_key: a key of the vault that one of them was sealed with, and that is not here.
    """

    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    public: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    secrets: tuple[str, ...] = ()
    missing_key: str | None = None


NO_VARIABLES = Variables()


@dataclass(frozen=True, slots=True)
class VariableFilters:
    """Which variables are listed."""

    type: Annotated[VariableType | None, Filter("Only variables of this type.")] = None


def _value(value: str | None) -> str | None:
    if value is not None and len(value) > MAX_VALUE:
        raise Wrong(f"must have at most {MAX_VALUE} characters")
    return value


_Value = Annotated[str | None, AfterValidator(_value)]


class VariableRequest(Shape):
    """A variable; what is left out stays as it is, see `model_fields_set`.

    A secret that is sent back as its mask keeps its value.
    """

    type: Annotated[VariableType, Field(strict=False)] = Field(
        default=VariableType.PUBLIC, description="Cannot change later."
    )
    description: Annotated[str | None, Field(max_length=280)] = Field(
        default_factory=lambda: None, description="Default: none."
    )
    value: _Value = Field(
        default_factory=lambda: None,
        description=(
            "The value in environments without one of their own. A string that is JSON is parsed."
        ),
    )
    environment_values: dict[str, _Value] = Field(
        default_factory=dict, description="By slug of the environment; null removes a value."
    )
    replace_unreadable: ReplaceUnreadable = False


class VariableBody(Shape):
    """A variable under its name."""

    variable: VariableRequest


class BrandingRequest(BrandingMembers):
    """The branding of an environment, as a whole; members beside these are kept too."""

    model_config = ConfigDict(extra="allow")

    dark_logo_url: str | None = Field(None, description="`logo_url` when it is left out.")
    dark_icon_url: str | None = Field(None, description="`icon_url` when it is left out.")


class BrandingBody(Shape):
    """A branding under its name."""

    branding: BrandingRequest


def is_variable_key(key: str) -> bool:
    """Tell whether a variable may have this key: Liquid has to be able to name it."""
    return _KEY.fullmatch(key) is not None and key not in _RESERVED


def read_value(text: str | None) -> JsonValue:
    """Return what the text of a variable stands for: its JSON, or itself when it is none.

    `true`, `12.5`, `null`, lists and objects are what they say; `007` and `TRUE` are strings.
    """
    if text is None:
        return None
    try:
        return read_json(text)
    except (ValueError, RecursionError):
        return text


def texts_of(text: str) -> Iterator[str]:
    """Yield the text of a secret, and the strings in it when it is JSON."""
    yield text
    pending = [read_value(text)]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def effective_branding(stored: JsonObject) -> JsonObject:
    """Return a branding with what stands for the members that are not set."""
    given = {name: value for name, value in stored.items() if value is not None}
    branding: JsonObject = {**COLOR_DEFAULTS, **given}
    for name in ("logo_url", "icon_url"):
        if name in branding:
            branding.setdefault(f"dark_{name}", branding[name])
    return branding
