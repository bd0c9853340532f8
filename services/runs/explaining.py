"""Explains runs from their events and messages, and triggers: what happened, and why."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.kit.errors import NotFound
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.messages.explanation import explain_message
from domain.messages.filters import MessageFilters
from domain.messages.messages import Message
from domain.runs.explanation import ExplainedLine, explain_story
from domain.runs.rows import RecipientRun
from domain.triggers.explanation import explain_trigger
from domain.triggers.rows import AcceptedTrigger
from models.queries.messages.messages import list_messages, messages_by_id
from models.queries.messages.progress import progress_of
from models.queries.runs.runs import runs_of_trigger
from models.queries.triggers.accepted import get_accepted
from services.reading import Reads
from services.runs.runs import load_run

_MOST_MESSAGES = 500


@dataclass(frozen=True, slots=True)
class Explanation:
    """A run, what happened in it in order, and what became of its messages, oldest first."""

    run: RecipientRun
    lines: list[ExplainedLine]
    messages: list[tuple[Message, str]]


@dataclass(frozen=True, slots=True)
class TriggerExplanation:
    """A trigger, who has no run of it and why, and a page of its runs."""

    trigger: AcceptedTrigger
    lines: list[str]
    runs: Page[RecipientRun]


async def explain_run(reads: Reads, environment: EnvironmentScope, run_id: UUID) -> Explanation:
    """Say in sentences what a run did, and why each message came or did not. Raises NotFound."""
    run, story = await load_run(reads, environment, run_id)
    wanted = MessageFilters(workflow_recipient_run_id=str(run_id))
    async with reads.connection() as connection:
        page = await list_messages(connection, environment.id, wanted, PageRequest(_MOST_MESSAGES))
        known = await progress_of(connection, environment.id, [each.id for each in page.rows])
    now = reads.clock()
    made = [
        (message, explain_message(message, known.get(message.id), now))
        for message in reversed(page.rows)
    ]
    return Explanation(run, explain_story(story), made)


async def run_of_message(
    reads: Reads, environment: EnvironmentScope, message_id: UUID
) -> UUID | None:
    """Return the run that has made a message; None where there is none, as of a guide."""
    async with reads.connection() as connection:
        found = await messages_by_id(connection, environment.id, [message_id])
    return found[0].recipient_run_id if found else None


async def explain_runs(
    reads: Reads, environment: EnvironmentScope, workflow_run_id: UUID, request: PageRequest
) -> TriggerExplanation:
    """Say what runs a trigger has, and why somebody whom it named has none. Raises NotFound."""
    async with reads.connection() as connection:
        trigger = await get_accepted(connection, environment.id, workflow_run_id)
        if trigger is None:
            raise NotFound("The workflow run does not exist.")
        page = await runs_of_trigger(connection, environment.id, workflow_run_id, request)
    return TriggerExplanation(trigger, explain_trigger(trigger), page)
