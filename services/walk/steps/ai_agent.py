"""The AI agent step: has a model asked, and takes its answer into the run's data."""

from __future__ import annotations

from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.runs.fetches import FetchResult, StoredFetch
from domain.workflows.steps.ai_agent import ASK_WAITS, AiAgentStep
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import NOT_MET, Done, Move, Skipped, StepEvent, Woken, skip
from services.walk.steps.requesting import Attempts, send_request, take_answer
from services.walk.texts import render_settings

_ATTEMPTS = Attempts(
    ASK_WAITS,
    responded=RunEventType.AGENT_ANSWERED,
    unanswered=RunEventType.AGENT_UNANSWERED,
    again=RunEventType.AGENT_RETRY_SCHEDULED,
    noun="question",
)


class AiAgentExecutor:
    """Asks a model up to four times, and goes on with its answer, or without if it may."""

    async def arrive(self, walk: Walk, step: AiAgentStep) -> Move:
        """Render the prompt.

        Raises:
            ContentError: the conditions or the prompt are broken.
        """
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        settings = step.settings
        try:
            prompt = await _prompt(walk, settings.request_prompt)
        except ContentError as error:
            if settings.halt_on_error is not False:
                raise
            return _given_up(step, error.text)
        asked: JsonObject = {
            "model": settings.model,
            "prompt": prompt,
            "schema": settings.schema_of_answer,
            "web_search": bool(settings.web_search_enabled),
        }
        told = {"model": settings.model, "web_search": asked["web_search"]}
        event = StepEvent(RunEventType.AGENT_ASKED, told)
        return await send_request(walk, step, {"question": asked}, _ATTEMPTS, event)

    async def resume(self, walk: Walk, step: AiAgentStep, kept: JsonObject, woken: Woken) -> Move:
        """Go on with the answer, or wait for another attempt.

        Raises:
            ContentError: there is no answer, and the run may not go on without.
        """
        found = await take_answer(walk, step, kept, woken, _ATTEMPTS)
        if not isinstance(found, StoredFetch):
            return found
        if found.result == FetchResult.DONE:
            return Done(story=f"`{step.ref}` has its answer", patch={step.ref: found.answer})
        error = (found.trace or {}).get("error") or "The model gave no answer."
        if step.settings.halt_on_error is False:
            return _given_up(step, error)
        raise ContentError("request", error, is_final=True)


async def _prompt(walk: Walk, source: str) -> str:
    """Render a prompt. Raises ContentError."""
    prompt = await render_settings(walk, [source], lambda out: out.text(source, "request_prompt"))
    if not prompt.strip():
        raise ContentError("template", "the prompt is empty", is_final=True)
    return prompt


def _given_up(step: AiAgentStep, error: str) -> Move:
    reason = "the model gave no answer"
    return Skipped(
        story=f"`{step.ref}` skipped: {reason}",
        event=StepEvent(RunEventType.AGENT_FAILED, {"error": error}, failed=True),
        reason=reason,
    )
