"""When a schedule occurs: calendar rules in the recipient's time zone.

Source: Knock docs, "Schedules". A single occurrence is an instant; repeats are wall-clock rules,
read as `domain/kit/windows.py` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.kit.windows import WindowRule, next_instant

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Due:
    """What becomes of a schedule whose time has come.

    Attributes:
        occurrence: the one that happens now, or None when all that were missed are too old.
        following: the next one, or None when there is none any more.
    """

    occurrence: datetime | None
    following: datetime | None


@dataclass(frozen=True, slots=True)
class Timing:
    """When a schedule occurs.

    Attributes:
        repeats: it occurs whenever any of these does; None means once, at `scheduled_at`.
        scheduled_at: nothing occurs before it.
        ending_at: nothing occurs after it.
        anchor: what intervals, and days that a rule leaves open, count from.
    """

    repeats: tuple[WindowRule, ...] | None
    scheduled_at: datetime | None
    ending_at: datetime | None
    anchor: datetime

    def next_after(self, after: datetime, zone: str | None) -> datetime | None:
        """Return the first occurrence strictly after an instant, or None when there is none."""
        if self.repeats is None:
            found = self.scheduled_at if self.scheduled_at and self.scheduled_at > after else None
        else:
            if self.scheduled_at is not None:
                after = max(after, self.scheduled_at - _MOMENT)
            instants = (
                next_instant(rule, after, zone, anchor=self.anchor) for rule in self.repeats
            )
            found = min((instant for instant in instants if instant is not None), default=None)
        if found is not None and self.ending_at is not None and found > self.ending_at:
            return None
        return found

    def occurs_at(self, at: datetime, zone: str | None) -> bool:
        """Tell whether an instant is an occurrence."""
        return self.next_after(at - _MOMENT, zone) == at

    def first(
        self, now: datetime, zone: str | None, *, last: datetime | None, patience: timedelta
    ) -> datetime | None:
        """Return the first occurrence of a schedule that was made, changed or resumed.

        A single one that was missed by less than `patience` happens at once; repeats begin with
        the next one.

        Args:
            now: this instant.
            zone: of the recipient.
            last: when it has occurred last; what happens comes after it.
            patience: how late an occurrence may happen.
        """
        after = now - patience if self.repeats is None else now
        return self.next_after(after if last is None else max(after, last), zone)

    def due(
        self, expected: datetime, now: datetime, zone: str | None, *, patience: timedelta
    ) -> Due:
        """Decide what happens to a schedule whose time has come.

        However many occurrences were missed meanwhile, the latest of them happens once, unless it
        is `patience` late or more.

        Args:
            expected: the occurrence that was due first.
            now: this instant; not before `expected`.
            zone: of the recipient.
            patience: how late an occurrence may happen.
        """
        earliest = now - patience
        occurrence = expected if expected > earliest else None
        while True:
            later = self.next_after(occurrence or max(expected, earliest), zone)
            if later is None or later > now:
                return Due(occurrence, later)
            occurrence = later
