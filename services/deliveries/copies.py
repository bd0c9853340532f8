"""Tell what vendors report of the copies of an e-mail from what they report of itself."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from domain.deliveries.reports import StatusReport
from models.queries.deliveries.reports import addressed_messages
from runtime.database import Connection


async def without_copies(
    connection: Connection,
    environment_id: UUID,
    channel_id: UUID,
    reports: Mapping[StatusReport, UUID],
) -> list[StatusReport]:
    """Leave out the reports about a mailbox that got a copy, and not the e-mail itself."""
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
        or not messages[message_id].was_copied_to(report.address)
    ]
