"""The fetch step: seals its request, has it sent, and takes the answer into the run's data."""

from __future__ import annotations

from datetime import timedelta

from domain.contract.runs import Fetch, HttpFetchInput
from domain.kit.clock import iso
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.runs.fetches import FetchResult, StoredFetch
from domain.workflows.steps.http_fetch import (
    FETCH_ATTEMPTS,
    FETCH_WAITS,
    HttpFetchStep,
    merged,
)
from models.queries.runs import fetches
from services.channels.sealing import masked_url, secrets_in
from services.runs.fetches import seal_fetch
from services.walk.context import Walk
from services.walk.faults import ContentError, blaming
from services.walk.moves import Done, Event, Move, Skipped, Waiting, Woken
from services.walk.steps.rendering import render_fetch
from templating.liquid.renderer import parse_json

_WITH_BODY = ("post", "put", "patch")


class HttpFetchExecutor:
    """Sends a request up to three times, and goes on with its answer."""

    async def arrive(self, walk: Walk, step: HttpFetchStep) -> Move:
        """Render the request, once for all attempts at it.

        Raises:
            ContentError: the conditions or the request are broken.
        """
        if not await walk.allows(step):
            reason = "conditions not met"
            return Skipped(
                story=f"`{step.ref}` skipped: {reason}",
                event=Event(RunEventType.STEP_SKIPPED, {"reason": reason}),
                reason=reason,
            )
        with blaming("template"):
            request = await render_fetch(walk, step.settings.request())
        content = request["content"]
        if step.settings.signing_key and not request["signing_key"]:
            # A reference that rendered to nothing: unsigned is not what the author asked for.
            raise ContentError("request", "the signing key is empty", is_final=True)
        if content["method"] not in _WITH_BODY:
            content["body"] = ""
        elif content["body"].strip():
            try:
                parse_json(content["body"])
            except ValueError as error:
                raise ContentError("request", f"body: not JSON: {error}", is_final=True) from None
        secrets = walk.configuration.variables.secrets
        request["secrets"] = secrets_in(content, secrets)
        request["any_json"] = step.settings.response_path is not None
        await fetches.put_fetch(
            walk.unit.connection,
            walk.run.environment_id,
            walk.run.id,
            step.ref,
            request=seal_fetch(walk.unit.engine.vault, request, walk.run.id, step.ref),
            now=walk.unit.now,
        )
        told = {"method": content["method"], "url": masked_url(content["url"])}
        return _waiting(walk, step, 1, event=Event(RunEventType.FETCH_REQUESTED, told))

    async def resume(self, walk: Walk, step: HttpFetchStep, kept: JsonObject, woken: Woken) -> Move:
        """Go on with the answer, or wait for another attempt.

        Raises:
            ContentError: the request has failed for good.
        """
        connection, run_id = walk.unit.connection, walk.run.id
        number = kept.get("fetch_attempt", 1)
        stored = await fetches.find_fetch(connection, run_id, step.ref)
        if stored is None:
            raise ContentError("request", "its request is gone", is_final=True)
        if stored.result is None:
            # Nothing came of this attempt yet: a repeated walk, or one after a reset.
            return _waiting(walk, step, number, not_before=kept.get("not_before"))
        _tell(walk, step, number, stored)
        if stored.result == FetchResult.AGAIN and number < FETCH_ATTEMPTS:
            seconds = FETCH_WAITS[number - 1] * walk.unit.engine.settings.step_retry_factor
            until = woken.at + timedelta(seconds=seconds)
            await fetches.await_attempt(connection, run_id, step.ref, number + 1)
            event = Event(RunEventType.FETCH_RETRY_SCHEDULED, {"retry_at": iso(until)})
            return _waiting(walk, step, number + 1, not_before=until.timestamp(), event=event)
        await fetches.forget_fetch(connection, run_id, step.ref)
        if stored.result != FetchResult.DONE:
            error = (stored.trace or {}).get("error") or "The request has failed."
            raise ContentError("request", error, is_final=True)
        return Done(
            story=f"`{step.ref}` has its answer",
            patch=merged(walk.run.data, stored.answer, step.settings.response_path),
        )


def _waiting(
    walk: Walk,
    step: HttpFetchStep,
    number: int,
    *,
    not_before: float | None = None,
    event: Event | None = None,
) -> Move:
    run = walk.run
    attempt = HttpFetchInput(str(run.id), str(run.environment_id), step.ref, number)
    label = f"{step.ref}: request, attempt {number} of {FETCH_ATTEMPTS}"
    return Waiting(
        story=f"`{step.ref}` asks for an answer",
        event=event,
        record={"fetch_attempt": number, "not_before": not_before},
        directive=Fetch(attempt, not_before, label),
    )


def _tell(walk: Walk, step: HttpFetchStep, number: int, stored: StoredFetch) -> None:
    trace = stored.trace or {}
    walk.journal.tell(
        RunEventType.FETCH_RESPONDED if trace.get("response") else RunEventType.FETCH_UNANSWERED,
        step=step,
        failed=stored.result != FetchResult.DONE,
        attempt=number,
        data=trace,
    )
