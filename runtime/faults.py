"""Tell of an unexpected exception without its words, which may quote a customer's data."""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_SHOWN_PLACES = 12


@dataclass(frozen=True, slots=True)
class Fault:
    """An unexpected exception without its words.

    Attributes:
        id: the same for the same type at the same places, so that logs and histories meet.
        type: of the exception.
        places: `file:line` of each call, the outermost first.
    """

    id: str
    type: str
    places: tuple[str, ...]

    def fields(self) -> dict[str, object]:
        """Return it as the fields of a log line."""
        return {"fault": self.id, "type": self.type, "places": list(self.places)}


def fault_of(error: BaseException) -> Fault:
    """Describe an exception by its type and the places it came through."""
    places: list[str] = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = Path(frame.filename)
        # Our own files are named from the root, others by the end of their path.
        is_ours = path.is_relative_to(_ROOT) and "site-packages" not in path.parts
        short = path.relative_to(_ROOT) if is_ours else "/".join(path.parts[-2:])
        places.append(f"{short}:{frame.lineno}")
    name = type(error).__name__
    digest = hashlib.sha256("\n".join((name, *places)).encode()).hexdigest()
    return Fault(digest[:8], name, tuple(places[-_SHOWN_PLACES:]))
