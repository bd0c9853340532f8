"""What templates of an environment use by name: what is published of its partials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from domain.content.partial import Partial


@dataclass(frozen=True, slots=True)
class Library:
    """What the templates of one message may use by name.

    Attributes:
        partials: by key.
    """

    partials: Mapping[str, Partial] = field(default_factory=lambda: MappingProxyType({}))


NO_LIBRARY = Library()
