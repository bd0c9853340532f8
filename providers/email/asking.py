"""What the vendors of e-mail have in common that can be asked what became of one."""

from __future__ import annotations

from collections.abc import Iterable

from domain.deliveries.copies import is_copy
from domain.deliveries.delivery import Delivery
from domain.deliveries.reports import ReportedStatus, counts_more
from providers.asking import Told


def decided(
    delivery: Delivery, told: Iterable[tuple[str | None, ReportedStatus | None, str | None]]
) -> Told:
    """Return what the events of an e-mail say of it: a bounce before a delivery.

    Args:
        delivery: the e-mail.
        told: of each event whose mailbox it is about, what it says for good, and the vendor's
            words. What becomes of a copy is not told of the e-mail.
    """
    boxes = {name: delivery.content.get(name) for name in ("to", "cc", "bcc")}
    found: Told = None, None
    for address, status, words in told:
        if status is None or (address is not None and is_copy(address, **boxes)):
            continue
        if found[0] is None or counts_more(status, found[0]):
            found = status, words
    return found
