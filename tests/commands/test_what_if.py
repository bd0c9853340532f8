"""What `carillon what-if` prints: short, in plain words, and with every difference to be seen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from api.admin.schemas.what_if import WhatIfOut
from commands.what_if import written

_AT = datetime(2026, 3, 1, 10, tzinfo=UTC).isoformat()
_NOTHING: dict[str, Any] = {
    "environment": "development",
    "from_environment": None,
    "from_branch": None,
    "content": [{"resource_type": "workflow", "resource_id": "welcome"}],
    "content_left_out": [],
    "runs": {"walked": 1, "changed": 0, "unknown": 0, "unfinished": 0, "has_older": False},
    "messages": dict.fromkeys(("before", "after", "added", "dropped", "changed", "unknown"), 1),
    "steps": [],
    "unknown": [],
    "effects": [],
    "refused": [],
    "notes": [],
    "audiences": None,
    "guides": None,
    "differences": [],
    "differences_left_out": 0,
    "contents_left_out": 0,
    "seconds": 0.25,
}


def text(**members: Any) -> str:
    """Return what is printed of an answer."""
    return "\n".join(written(WhatIfOut.model_validate({**_NOTHING, **members})))


def difference(kind: str, **members: Any) -> dict[str, Any]:
    """Write a difference of a message."""
    side = {"at": _AT, "status": "queued", "content": None}
    has_after = kind in ("added", "changed")
    return {
        "kind": kind,
        "run_id": str(UUID(int=1)),
        "workflow": "welcome",
        "recipient": "ada",
        "tenant": None,
        "step_ref": "email_1",
        "channel": "smtp",
        "channel_type": "email",
        "before": None if kind == "added" else side,
        "after": side if has_after else None,
        "changes": [],
        "content_left_out": False,
        "reason": None,
        **members,
    }


def change(before: Any, after: Any, place: str = "html") -> dict[str, Any]:
    """Write a change."""
    return {"place": place, "before": before, "after": after}


def test_nothing_differs() -> None:
    """One run is one run, and nothing is said of what is not."""
    assert text() == "\n".join(
        [
            "What if development had the content of its drafts?",
            "",
            "  workflow welcome is tried",
            "",
            "1 run walked in 0.2 s; 0 changed.",
            "1 message before, 1 after.",
        ]
    )


def test_a_change_far_along_a_line_is_seen() -> None:
    """Of two long lines that begin alike what differs is shown, and where they are cut."""
    shared, rest = "<p>" + "x" * 300, "y" * 300
    old, new = f"{shared} Monday {rest}", f"{shared} Tuesday {rest}"

    printed = text(differences=[difference("changed", changes=[change(old, new)])])

    lines = [line.strip() for line in printed.splitlines()]
    shown = [line for line in lines if line[:2] in ("- ", "+ ")]
    assert ["Monday" in shown[0], "Tuesday" in shown[1]] == [True, True]
    assert all(line[2] == line[-1] == "…" for line in shown)
    assert all(len(line) <= 100 for line in printed.splitlines())


def test_what_stays_of_a_text_is_not_shown() -> None:
    """Of many lines those alone are shown that differ, and of many such lines the first."""
    before = "\n".join(["same", "old", "same too"])
    after = "\n".join(["same", "new", "same too", *(f"more {n}" for n in range(20))])

    printed = text(differences=[difference("changed", changes=[change(before, after)])])

    assert "- old" in printed
    assert "+ new" in printed
    assert "same" not in printed
    assert "… 10 lines more" in printed


def test_reasons_say_of_what_they_are() -> None:
    """A reason is of the side on which there is no message."""
    printed = text(
        differences=[
            difference("added", reason="conditions not met"),
            difference("dropped", reason="throttled"),
            difference("unknown", reason="fetch_1: the recorded run never completed this step"),
        ]
    )

    assert "not before: conditions not met" in printed
    assert "no more: throttled" in printed
    assert "nobody knows: fetch_1" in printed
    assert printed.count("at: 2026-03-01 10:00:00 UTC") == 3


def test_a_message_is_told_by_what_it_says_first() -> None:
    """Of an e-mail that is its subject, of an item of a feed its text, without markup."""
    said = [{"subject_line": "Hello"}, {"blocks": [{"rendered": "<p>Hi <em>Ada</em></p>\n"}]}, {}]
    sides = [{"at": _AT, "status": "queued", "content": content} for content in said]

    printed = text(differences=[difference("added", after=side) for side in sides])

    assert [line for line in printed.splitlines() if "says" in line] == [
        "    says: Hello",
        "    says: Hi Ada",
    ]


def test_what_is_left_out_is_told() -> None:
    """Notes, refusals and bounds stand above the differences."""
    printed = text(
        refused=[{"workflow": "welcome", "reason": "too often", "before": 0, "after": 3}],
        notes=[{"place": "triggers[2]", "message": "nothing follows"}],
        unknown=[{"workflow": "welcome", "step_ref": "f", "reason": "why", "runs": 1}],
        differences_left_out=4,
    )

    assert "  triggers[2]: nothing follows" in printed
    assert "  3 runs of welcome would not start, 0 before: too often" in printed
    assert "  unknown in 1 run of welcome from f on: why" in printed
    assert printed.endswith("4 more differences: --differences shows more.")


def test_audiences_come_before_guides() -> None:
    """Who joins and leaves is told by figures, and some by name."""
    figures = {"before": 5, "after": 6, "joined": 3, "left": 2, "workflows": ["a", "b"]}
    named = [
        {"kind": kind, "audience": "vips", "user": user}
        for kind, user in (("added", "ada"), ("dropped", "grace"))
    ]
    printed = text(
        audiences={
            "users": 9,
            "has_more": True,
            "figures": [{"audience": "vips", **figures}],
            "differences": named,
            "differences_left_out": 3,
        }
    )

    assert "9 users compared with audiences." in printed
    assert "whoever enters vips later triggers a, b; those who join by this do not" in printed
    assert "there are more users: --seconds takes more of them" in printed
    assert "+ ada joins vips\n- grace leaves vips" in printed
    assert printed.endswith("3 more differences: --differences shows more of them.")


def test_guides_come_last() -> None:
    """Who would see which guide is told by figures, and by user."""
    figures = {"active": False, "before": 0, "after": 2, "added": 2, "dropped": 0, "changed": 0}
    one = {
        "kind": "added",
        "guide": "tour",
        "user": "ada",
        "tenant": "acme",
        "before": None,
        "after": {"steps": []},
        "changes": [],
        "content_left_out": False,
        "reason": "The guide is not published.",
    }
    printed = text(
        guides={
            "users": 3,
            "changed": 2,
            "unfinished": 0,
            "has_more": True,
            "figures": [{"guide": "tour", **figures}],
            "differences": [one],
            "differences_left_out": 1,
        }
    )

    assert "3 users looked for guides; 2 would see others." in printed
    assert "tour is switched off here; this is who would see it if it were on" in printed
    assert "there are more users: use --runs to include more" in printed
    assert "+ added: ada in acme, guide tour" in printed
    assert "    not before: The guide is not published." in printed
