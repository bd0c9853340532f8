"""A few of many differences, so that each kind of them is among those that are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Sample(Generic[T]):
    """Keeps the first of each group: where there are too many, the largest group gives way.

    Attributes:
        most: so many are kept.
        room: bytes that are left for what the kept ones say.
        kept: in the order in which they came.
    """

    most: int
    room: int
    kept: list[T] = field(default_factory=list)
    _groups: list[Hashable] = field(default_factory=list)
    _sizes: list[int] = field(default_factory=list)
    _counts: Counter[Hashable] = field(default_factory=Counter)

    def offer(
        self, group: Hashable, make: Callable[[], tuple[T, int]], cut: Callable[[T], T]
    ) -> None:
        """Keep one more, if its group has fewer than others.

        Args:
            group: what it belongs to.
            make: makes it as it is kept, and tells the bytes of what it says.
            cut: takes away what it says, where there is no room for that.
        """
        if len(self.kept) >= self.most and not self._make_way(group):
            return
        found, size = make()
        if size > self.room:
            found, size = cut(found), 0
        self.room -= size
        self.kept.append(found)
        self._groups.append(group)
        self._counts[group] += 1
        self._sizes.append(size)

    def _make_way(self, group: Hashable) -> bool:
        """Drop the last of the largest group, unless this group is as large."""
        largest, count = max(self._counts.items(), key=lambda each: each[1], default=(None, 0))
        if self._counts[group] + 1 >= count:
            return False
        self._counts[largest] -= 1
        last = max(index for index, each in enumerate(self._groups) if each == largest)
        self.room += self._sizes[last]
        for each in (self.kept, self._groups, self._sizes):
            del each[last]
        return True
