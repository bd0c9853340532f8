"""What templates of an environment use by name: partials and translations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from domain.content.partial import Partial
from domain.content.translation import Translator


@dataclass(frozen=True, slots=True)
class Library:
    """What the templates of one message may use by name.

    Attributes:
        partials: by key.
        translator: finds texts for the recipient; without one there are none.
    """

    partials: Mapping[str, Partial] = field(default_factory=lambda: MappingProxyType({}))
    translator: Translator | None = None


NO_LIBRARY = Library()
