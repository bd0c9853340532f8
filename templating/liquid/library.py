"""What templates of an environment use beside their data: partials, translations, a time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from domain.content.partial import Partial
from domain.content.translation import Translator
from domain.kit.zones import FALLBACK_ZONE


@dataclass(frozen=True, slots=True)
class Library:
    """What the templates of one message may use beside their data.

    Attributes:
        partials: by key.
        translator: finds texts for the recipient; without one there are none.
        zone: the time zone of whoever has none.
    """

    partials: Mapping[str, Partial] = field(default_factory=lambda: MappingProxyType({}))
    translator: Translator | None = None
    zone: str = FALLBACK_ZONE


NO_LIBRARY = Library()
