"""The ledger of one crash test: what was killed, promised and found; for people and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.chaos import mail, workflows
from tests.chaos.audit import Findings
from tests.chaos.killer import Kill
from tests.chaos.plan import Plan
from tests.chaos.promises import Book, Promise

_SHOWN = 60


@dataclass(slots=True)
class Ledger:
    """Everything that a crash test has to tell.

    Attributes:
        storms: what each storm asked for and what came of it.
        calm_seconds: how long the product took, after the last kill, to finish everything.
        broken: every promise that was not kept; empty when the test passed.
    """

    plan: Plan
    kills: list[Kill]
    book: Book
    found: Findings
    storms: dict[str, int]
    calm_seconds: float
    broken: list[str]

    def duplicates(self) -> list[dict[str, Any]]:
        """Return the e-mails that arrived more than once, with the kills that may have done it."""
        return [
            {
                "trigger": number,
                "recipient": user_id,
                "copies": len(each.arrivals),
                "seconds_apart": round(each.arrivals[-1] - each.arrivals[0], 2),
                "kills": mail.causes(each, self.kills),
            }
            for (number, user_id), each in sorted(self.found.mail.items())
            if len(each.arrivals) > 1
        ]

    def totals(self) -> dict[str, int]:
        """Return the numbers that have to agree."""
        made = self.book.made()
        cancelled = [
            (promise, user_id)
            for promise in made
            for user_id in promise.recipients
            if self.found.statuses.get((str(promise.workflow_run_id), user_id)) == ["cancelled"]
        ]
        in_app, emails = _owed(made, "in_app_1"), _owed(made, "email_1")
        return {
            "triggers sent": len(self.book.promises),
            "triggers answered 200": len(made),
            "of these after a repetition": sum(promise.tries > 1 for promise in made),
            "recipient runs promised": sum(len(promise.recipients) for promise in made),
            "recipient runs found": sum(map(len, self.found.statuses.values())),
            "cancels answered 204": sum(each.cancelled_at is not None for each in made),
            "runs cancelled": len(cancelled),
            "in-app messages promised": in_app - _owed_to(cancelled, "in_app_1"),
            "in-app messages found": self._messages("in_app_1"),
            "e-mails promised": emails - _owed_to(cancelled, "email_1"),
            "e-mails found": len(self.found.mail),
            "e-mails that came twice or more": len(self.duplicates()),
        }

    def _messages(self, step: str) -> int:
        return sum(len(each) for place, each in self.found.messages.items() if place[2] == step)

    def lines(self) -> Iterator[str]:
        """Return the ledger for people."""
        yield f"Seed {self.plan.seed}, {len(self.kills)} kills:"
        for kill in self.kills:
            yield (
                f"  t+{kill.at_ms:>7} ms  {kill.part:<10} new process after "
                f"{_ms(kill.restarted_ms)}, at work after {_ms(kill.serving_ms)}"
            )
        yield "Answers to the client: " + ", ".join(
            f"{count} {name}" for name, count in self.book.answers.most_common()
        )
        for name, value in self.totals().items():
            yield f"  {name:<34} {value:>6}"
        for name, value in self.storms.items():
            yield f"  {name:<34} {value:>6}"
        yield f"Everything was done {self.calm_seconds:.1f} s after the last part was back."
        for twice in self.duplicates():
            yield (
                f"  e-mail of trigger {twice['trigger']} to {twice['recipient']}: "
                f"{twice['copies']} copies, same Message-ID, {twice['seconds_apart']} s apart; "
                f"killed around it: {', '.join(twice['kills']) or 'nothing'}"
            )
        yield from self._verdict()

    def _verdict(self) -> Iterator[str]:
        if not self.broken:
            yield "Every promise was kept."
            return
        yield f"{len(self.broken)} broken promises:"
        yield from (f"  - {line}" for line in self.broken[:_SHOWN])
        if len(self.broken) > _SHOWN:
            yield f"  - and {len(self.broken) - _SHOWN} more"

    def write(self, path: Path) -> None:
        """Write the ledger as JSON."""
        content = {
            "plan": asdict(self.plan),
            "kills": [asdict(kill) for kill in self.kills],
            "answers": dict(self.book.answers),
            "totals": self.totals(),
            "storms": self.storms,
            "calm_seconds": round(self.calm_seconds, 1),
            "duplicate_emails": self.duplicates(),
            "broken": self.broken,
            "promises": [asdict(promise) for promise in self.book.promises],
        }
        path.write_text(json.dumps(content, indent=2))


def _owed(promises: list[Promise], step: str) -> int:
    return sum(
        len(promise.recipients) * (step in workflows.message_steps(promise.workflow_key))
        for promise in promises
    )


def _owed_to(runs: list[tuple[Promise, str]], step: str) -> int:
    return sum(step in promise.steps for promise, _ in runs)


def _ms(value: int | None) -> str:
    return "—" if value is None else f"{value} ms"
