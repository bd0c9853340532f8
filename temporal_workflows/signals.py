"""Names of signals: something outside remembers them, so they never change."""

from __future__ import annotations

CANCEL_REQUESTED = "cancel_requested"
BATCH_CLOSED = "batch_closed"
CLOSES_EARLIER = "closes_earlier"
# A clock of schedules has to look earlier; carries when, in epoch seconds.
DUE_EARLIER = "due_earlier"
