"""Tell what vendors report of the copies of an e-mail from what they report of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import getaddresses
from uuid import UUID

from domain.messages.reports import StatusReport
from models.queries.deliveries.reports import AddressedMessage, addressed_messages
from runtime.database import Connection


async def without_copies(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    reports: Mapping[StatusReport, UUID],
) -> list[StatusReport]:
    """Leave out the reports that are about a mailbox which got a copy, and not the e-mail itself.

    An address that stands nowhere in the message is taken for that of its recipient: overrides may
    have sent it elsewhere, and vendors write some addresses in their own way.
    """
    ids = {message_id for report, message_id in reports.items() if report.address}
    if not ids:
        return list(reports)
    found = await addressed_messages(connection, environment_id, channel_id, sorted(ids))
    messages = {message.id: message for message in found}
    return [
        report
        for report, message_id in reports.items()
        if report.address is None
        or message_id not in messages
        or not _is_copy(report.address, messages[message_id])
    ]


def _is_copy(address: str, message: AddressedMessage) -> bool:
    of_report = _bare([address])
    copies = _bare([message.cc, message.bcc]) - _bare([message.to])
    return bool(of_report) and of_report <= copies


def _bare(texts: Iterable[str | None]) -> set[str]:
    """Return the addresses in texts, without names and case, their domains as mail has them."""
    written = [text.replace(";", ",") for text in texts if text]
    return {_in_ascii(address.strip().lower()) for _, address in getaddresses(written) if address}


def _in_ascii(address: str) -> str:
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address
