"""Whom a request names: each recipient once, and where it is named."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from domain.recipients.inline import InlineRecipient, combined, inline
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import AnyRecipientIn


@dataclass(frozen=True, slots=True)
class NamedRecipients:
    """Whom a request names.

    Attributes:
        recipients: each once, with all that is said about them.
        places: where the request names each of them first, such as `recipients[2]`.
    """

    recipients: tuple[InlineRecipient, ...]
    places: Mapping[RecipientRef, str]

    @property
    def refs(self) -> list[RecipientRef]:
        """Return who they are."""
        return [entry.ref for entry in self.recipients]


def named_in_list(entries: Iterable[AnyRecipientIn]) -> NamedRecipients:
    """Return whom the member `recipients` of a request names; see `named_once`."""
    return named_once((f"recipients[{index}]", entry) for index, entry in enumerate(entries))


def named_once(entries: Iterable[tuple[str, AnyRecipientIn]]) -> NamedRecipients:
    """Return whom a request names at some places.

    Args:
        entries: places, and who is named there.
    """
    distinct: dict[RecipientRef, InlineRecipient] = {}
    places: dict[RecipientRef, str] = {}
    for place, entry in entries:
        said = inline(entry, place)
        distinct[said.ref] = combined(distinct.get(said.ref), said)
        places.setdefault(said.ref, place)
    return NamedRecipients(tuple(distinct.values()), places)
