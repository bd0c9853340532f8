"""What comes of a preview."""

from __future__ import annotations

from dataclasses import dataclass

from domain.kit.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Fault:
    """What keeps content from being rendered, and where it is at fault, as far as that is known."""

    message: str
    field: str | None = None
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What content looks like for somebody, or why it cannot be rendered.

    Attributes:
        content_type: a channel type, or the type of a partial.
        rendered: by field, empty when there are faults.
        faults: none when it was rendered.
        written: what was to be rendered, as it is written.
    """

    content_type: str
    rendered: JsonObject
    faults: tuple[Fault, ...] = ()
    written: JsonObject | None = None
