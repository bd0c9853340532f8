"""The preference center: which preferences a hosted page shows, and in which words.

Source: Knock docs, "Hosted preference center"; Knock API, PreferenceCenterConfigData; Management
API, PreferenceCenterRequest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, Field, ValidationInfo, model_validator

from domain.kit.errors import FieldError
from domain.kit.json_types import JsonObject
from domain.kit.shapes import REFUSE_NULL, Shape, Wrong, refusal
from domain.kit.stored import Name
from domain.preferences.names import CHANNEL_TYPES

MAX_ROWS = 100
_MAX_TEXT = 1_024


class RowType(StrEnum):
    """What a row of the page is about."""

    WORKFLOW = "workflow"
    CHANNEL = "channel"
    CATEGORY = "category"
    CHANNEL_TYPES = "channel_types"
    COMMERCIAL = "commercial_subscribed"


_NAMED = (RowType.WORKFLOW, RowType.CHANNEL, RowType.CATEGORY)
_TYPED = (RowType.WORKFLOW, RowType.CATEGORY, RowType.CHANNEL_TYPES)


def _channel_types(given: list[str] | None) -> list[str] | None:
    unknown = [word for word in given or () if word not in CHANNEL_TYPES]
    if unknown:
        known = ", ".join(CHANNEL_TYPES)
        raise Wrong(
            f"{unknown[0][:255]!r} is not a channel type with preferences; those are {known}"
        )
    return list(dict.fromkeys(given)) if given else given


def _identifier(given: str | None, info: ValidationInfo) -> str | None:
    """Read the id of a channel as one; other identifiers are words of the author's."""
    if given is None or info.data.get("type") is not RowType.CHANNEL:
        return given
    try:
        return str(UUID(given))
    except ValueError:
        raise Wrong("must be the id of a channel") from None


class RowIn(Shape):
    """A row of the page."""

    type: Annotated[RowType, REFUSE_NULL] = Field(strict=False)
    name: Name
    description: Annotated[str | None, Field(max_length=_MAX_TEXT)] = None
    identifier: Annotated[
        str | None, Field(min_length=1, max_length=255), AfterValidator(_identifier)
    ] = Field(None, description="The category, the key of the workflow, or the id of the channel.")
    channel_types: Annotated[list[str] | None, AfterValidator(_channel_types)] = Field(
        None,
        description=(
            "For a category, a workflow or `channel_types`: one switch for each of these types."
        ),
    )

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        wrong = list(self._misfits())
        if wrong:
            raise refusal(wrong)
        return self

    def _misfits(self) -> Iterator[FieldError]:
        if self.type in _NAMED and self.identifier is None:
            yield FieldError("identifier", "is required")
        elif self.type not in _NAMED and self.identifier is not None:
            yield FieldError("identifier", f"must be null: a row of type {self.type} has none")
        if self.channel_types and self.type not in _TYPED:
            yield FieldError("channel_types", f"must be null: a row of type {self.type} has none")

    @property
    def subject(self) -> tuple[RowType, str | None]:
        """Return what it is about; there is one row for each."""
        return self.type, self.identifier


class ConfigIn(Shape):
    """What the page shows."""

    title: Name
    body: Annotated[str, Field(max_length=_MAX_TEXT)] = ""
    show_account_name: bool = True
    rows: Annotated[list[RowIn], Field(max_length=MAX_ROWS)]

    @model_validator(mode="after")
    def _has_each_row_once(self) -> Self:
        seen, wrong = set(), []
        for index, row in enumerate(self.rows):
            if row.subject in seen:
                place = "type" if row.identifier is None else "identifier"
                wrong.append(FieldError(f"rows[{index}].{place}", "has a row already"))
            seen.add(row.subject)
        if wrong:
            raise refusal(wrong)
        return self

    def content(self) -> JsonObject:
        """Return what is stored: the row about commercial messages is always there."""
        content: JsonObject = self.model_dump(mode="json", exclude_none=True)
        if all(row.type is not RowType.COMMERCIAL for row in self.rows):
            content["rows"].append(dict(_COMMERCIAL_ROW))
        return content


class CenterIn(Shape):
    """A preference center as it is written."""

    config: ConfigIn
    enabled: bool | None = Field(
        None,
        description=("Whether users see all rows. Unchanged if it is left out; initially false."),
    )


_COMMERCIAL_ROW: JsonObject = {
    "type": RowType.COMMERCIAL.value,
    "name": "Commercial messages",
    "description": "News and offers. Turn this off to receive only what concerns you.",
}
BUILT_IN: JsonObject = {
    "title": "Your notifications",
    "body": "Choose what you want to hear about from us.",
    "show_account_name": True,
    "rows": [_COMMERCIAL_ROW],
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a stored page."""

    type: RowType
    name: str
    description: str = ""
    identifier: str | None = None
    channel_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreferenceCenter:
    """The page of an environment.

    Attributes:
        enabled: whether users see all rows; otherwise the one about commercial messages alone.
        config: as it is stored.
    """

    enabled: bool
    config: JsonObject

    def text(self, name: str) -> str:
        """Return a text of the page."""
        found = self.config.get(name)
        return found if isinstance(found, str) else ""

    @property
    def shows_account_name(self) -> bool:
        """Whether the page says whose it is."""
        return self.config.get("show_account_name") is not False

    def rows(self) -> list[Row]:
        """Return what a user sees; a stored row that cannot be read is left out."""
        stored = self.config.get("rows")
        read = [_row(raw) for raw in (stored if isinstance(stored, list) else [])]
        rows = [row for row in read if row is not None]
        if all(row.type is not RowType.COMMERCIAL for row in rows):
            rows.append(Row(**{**_COMMERCIAL_ROW, "type": RowType.COMMERCIAL}))
        return [row for row in rows if self.enabled or row.type is RowType.COMMERCIAL]


NO_CENTER = PreferenceCenter(enabled=False, config=BUILT_IN)


def _row(raw: Any) -> Row | None:
    try:
        row = RowIn.model_validate(raw)
    except ValueError:
        return None
    return Row(
        row.type, row.name, row.description or "", row.identifier, tuple(row.channel_types or ())
    )
