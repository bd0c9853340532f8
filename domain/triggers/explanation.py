"""Why a trigger made no run for somebody, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from domain.kit.json_types import JsonValue
from domain.recipients.refs import RecipientRef
from domain.triggers.rows import MOST_HELD_BACK, AcceptedTrigger


def explain_trigger(trigger: AcceptedTrigger) -> list[str]:
    """Say where a trigger comes from, and who has no run of it."""
    return list(_sentences(trigger))


def _sentences(trigger: AcceptedTrigger) -> Iterator[str]:
    source = trigger.source.get("type", "api")
    where = f" on the branch {trigger.branch!r}" if trigger.branch else ""
    yield f"The workflow {trigger.workflow_key!r} was triggered{where} (source: {source})."
    if trigger.refusal is not None:
        yield f"It was refused, so nobody had a run: {trigger.refusal}"
        yield f"It named: {_named(trigger.held_back_recipients or [])}."
        return
    if missing := trigger.missing_recipients:
        yield f"Not stored, but only referred to by id: {_named(missing)}."
    if held_back := trigger.held_back_recipients:
        others = ", and others" if len(held_back) > MOST_HELD_BACK else ""
        yield (
            "Held back, because the workflow may be entered once and they have had their run:"
            f" {_named(held_back[:MOST_HELD_BACK])}{others}."
        )
    if trigger.is_being_made:
        yield "Some of its runs have not been made yet."
    elif not trigger.has_runs and trigger.recipient_count:
        yield "Its runs are no longer stored, or there was no recipient left."
    elif not trigger.has_runs:
        yield "It made no runs."


def _named(references: list[JsonValue]) -> str:
    """Name recipients; an object with its collection."""
    return ", ".join(RecipientRef.of_wire(each).label for each in references)
