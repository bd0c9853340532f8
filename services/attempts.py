"""How an attempt ends that is not the last: of a delivery, of a check, of telling an endpoint."""

from __future__ import annotations


class TryAgain(Exception):
    """It is not final yet; whoever works on it looks again in `after` seconds."""

    def __init__(self, after: float, reason: str) -> None:
        super().__init__(reason)
        self.after = after


class Held(Exception):
    """An attempt was not made, for a reason that is not its own.

    Args:
        reason: why, for operators; no personal data.
        after: seconds until it may be made.
    """

    def __init__(self, reason: str, *, after: float) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
