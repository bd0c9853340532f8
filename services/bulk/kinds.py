"""Every kind of bulk operation, by the name that its rows have: names are only ever added."""

from __future__ import annotations

from collections.abc import Mapping

from services.bulk import (
    departure_kind,
    files,
    messages,
    preferences,
    recipients,
    schedules,
    subscriptions,
)
from services.bulk.items import BulkKind

KINDS: Mapping[str, BulkKind] = {
    **recipients.KINDS,
    **subscriptions.KINDS,
    **preferences.KINDS,
    **schedules.KINDS,
    **departure_kind.KINDS,
    **messages.KINDS,
    **files.KINDS,
}
