"""What differs between the guides that people would see without and with new content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from domain.kit.json_types import JsonObject, encoded_size
from domain.kit.storable import storable_json
from domain.what_if.differences import Change, Kind, changes_within
from domain.what_if.findings import MOST_CHARACTERS, storable
from domain.what_if.samples import Sample

# What the guides of an answer say takes at most so many bytes.
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    """A guide as somebody sees it: what it says, or why not."""

    content: JsonObject | None
    reason: str | None = None


NOWHERE: Look = Look(None, "The guide is not published.")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuideDifference:
    """A guide that somebody would see from now on, or no more, or that says something else.

    Attributes:
        before, after: what it says; None where it is not seen, and of a changed one.
        changes: of a changed one, what differs.
        reason: why it is not seen in the other case.
        is_cut: whether what it says was left out, because answers have an end.
    """

    kind: Kind
    guide_key: str
    viewer_id: str
    tenant_id: str | None
    before: JsonObject | None
    after: JsonObject | None
    changes: Sequence[Change] = ()
    reason: str | None = None
    is_cut: bool = False


@dataclass(slots=True)
class GuideFigures:
    """By how many a guide is seen without and with the new content, and how many differ and how.

    Attributes:
        is_active: whether it is switched on here; a guide that is tried is judged as if it were.
    """

    is_active: bool = True
    before: int = 0
    after: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)


@dataclass(slots=True)
class GuideFindings:
    """What was found; `add` counts one viewer more.

    Attributes:
        sample: some of the differences; all are counted.
        viewers: who looked.
        viewers_changed: those for whom something differs.
        viewers_unfinished: those who were given up when the time was over.
        has_more_viewers: whether there are more users than were asked for.
        guides: figures by key.
    """

    sample: Sample[GuideDifference]
    viewers: int = 0
    viewers_changed: int = 0
    viewers_unfinished: int = 0
    has_more_viewers: bool = False
    guides: dict[str, GuideFigures] = field(default_factory=dict)

    @property
    def differences(self) -> list[GuideDifference]:
        """Return those that are kept, in the order in which they were found."""
        return self.sample.kept

    @property
    def total(self) -> int:
        """Return how many differences there are."""
        return sum(figures.kinds.total() for figures in self.guides.values())

    def add(
        self,
        viewer_id: str,
        tenant_id: str | None,
        before: Mapping[str, Look],
        after: Mapping[str, Look],
    ) -> None:
        """Count what somebody would see, by key of the guide."""
        self.viewers += 1
        is_changed = False
        for key in dict.fromkeys([*before, *after]):
            was, becomes = before.get(key, NOWHERE), after.get(key, NOWHERE)
            figures = self.guides.setdefault(key, GuideFigures())
            figures.before += was.content is not None
            figures.after += becomes.content is not None
            if was.content == becomes.content:
                continue
            is_changed = True
            found = _difference(key, viewer_id, tenant_id, was, becomes)
            figures.kinds[found.kind] += 1
            self.sample.offer((key, found.kind), partial(_kept, found), _cut)
        self.viewers_changed += is_changed


def _kept(found: GuideDifference) -> tuple[GuideDifference, int]:
    """Return a difference as an answer can have it, and the bytes of what the guide says."""
    before, after = storable_json([found.before, found.after], characters=MOST_CHARACTERS)
    changes = [storable(each) for each in found.changes]
    size = encoded_size([before, after, *([one.before, one.after] for one in changes)])
    return replace(found, before=before, after=after, changes=changes), size


def _cut(kept: GuideDifference) -> GuideDifference:
    """Return a difference without what the guide says."""
    return replace(kept, before=None, after=None, changes=(), is_cut=True)


def _difference(
    key: str, viewer_id: str, tenant_id: str | None, was: Look, becomes: Look
) -> GuideDifference:
    kind, changes = Kind.CHANGED, list[Change]()
    before, after = was.content, becomes.content
    if before is None:
        kind = Kind.ADDED
    elif after is None:
        kind = Kind.DROPPED
    else:
        changes = changes_within(before, after)
        before = after = None
    return GuideDifference(
        kind=kind,
        guide_key=key,
        viewer_id=viewer_id,
        tenant_id=tenant_id,
        before=before,
        after=after,
        changes=changes,
        reason=was.reason or becomes.reason,
    )
