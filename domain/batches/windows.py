"""How a window changes when an item joins it: pure rules, which one locked row obeys.

Source: Knock docs, "Batch function", on windows and on the maximum of items.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.kit.durations import Duration, add_duration


@dataclass(frozen=True, slots=True)
class Window:
    """An open window.

    Attributes:
        closes_at: its end, as it stands now.
        extends_to: how far items can move the end of a sliding window; None for a fixed one.
        max_items: so many items close it at once, or None.
        item_count: those that are in it, cancelled ones left out.
    """

    closes_at: datetime
    extends_to: datetime | None = None
    max_items: int | None = None
    item_count: int = 0

    def takes(self, now: datetime) -> bool:
        """Tell whether an item that arrives now belongs to it, and not to the next window."""
        return now < self.closes_at

    def is_over(self, now: datetime) -> bool:
        """Tell whether it closes: its time has come, or it is full."""
        is_full = self.max_items is not None and self.item_count >= self.max_items
        return is_full or now >= self.closes_at


def opened_window(
    end: datetime, now: datetime, *, limit: Duration | None, max_items: int | None, item_count: int
) -> Window:
    """Open a window.

    Args:
        end: what the first item's own settings give.
        now: when it opens.
        limit: how long a sliding window is open at most; None for a fixed one. It holds from the
            second item on: only items extend a window.
        max_items: so many items close it.
        item_count: 1 when the first item is in it, 0 when that goes through at once.

    Raises:
        OverflowError: the limit leads off the calendar.
    """
    extends_to = None if limit is None else add_duration(now, limit)
    return Window(end, extends_to, max_items, item_count)


def joined_window(window: Window, end: datetime) -> Window:
    """Return the window with one more item in it.

    Args:
        window: as it is; it takes the item.
        end: what the item's own settings give; moves a sliding window only.
    """
    closes_at = window.closes_at
    if window.extends_to is not None:
        closes_at = min(end, window.extends_to)
    return replace(window, closes_at=closes_at, item_count=window.item_count + 1)
