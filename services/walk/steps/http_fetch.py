"""The fetch step: has its request sent, and takes the answer into the run's data."""

from __future__ import annotations

from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.runs.fetches import FetchResult, StoredFetch
from domain.workflows.steps.http_fetch import FETCH_WAITS, HttpFetchStep, merged
from domain.workflows.steps.http_request import HttpRequest
from services.channels.sealing import masked_url, secrets_in
from services.walk.context import Walk
from services.walk.faults import ContentError, blaming
from services.walk.moves import NOT_MET, Done, Move, StepEvent, Woken, skip
from services.walk.steps.rendering import render_fetch
from services.walk.steps.requesting import Attempts, send_request, take_answer
from services.walk.steps.step_requests import (
    VERSION,
    StepRequest,
    allowed_request,
    request_sent,
)
from templating.liquid.renderer import parse_json

_WITH_BODY = ("post", "put", "patch")
_ATTEMPTS = Attempts(
    FETCH_WAITS,
    responded=RunEventType.FETCH_RESPONDED,
    unanswered=RunEventType.FETCH_UNANSWERED,
    again=RunEventType.FETCH_RETRY_SCHEDULED,
    noun="request",
    remembers=(VERSION,),
)


async def rendered_request(walk: Walk, request: StepRequest) -> JsonObject:
    """Return the `content` of a step's request, and its `signing_key`.

    Raises:
        ContentError: the request is broken, or renders to what cannot be sent.
    """
    with request.blamed():
        return await _rendered(walk, request.settings)


async def _rendered(walk: Walk, settings: HttpRequest) -> JsonObject:
    with blaming("template"):
        rendered = await render_fetch(walk, settings.request())
    content = rendered["content"]
    if settings.signing_key and not rendered["signing_key"]:
        # A reference that rendered to nothing: unsigned is not what the author asked for.
        raise ContentError("request", "the signing key is empty", is_final=True)
    if content["method"] not in _WITH_BODY:
        content["body"] = ""
    elif content["body"].strip():
        try:
            parse_json(content["body"])
        except ValueError as error:
            raise ContentError("request", f"body: not JSON: {error}", is_final=True) from None
    return rendered


class HttpFetchExecutor:
    """Sends a request up to three times, and goes on with its answer."""

    async def arrive(self, walk: Walk, step: HttpFetchStep) -> Move:
        """Render the request.

        Raises:
            ContentError: the conditions or the request are broken.
        """
        request = await allowed_request(walk, step)
        if request is None:
            return skip(step, NOT_MET)
        rendered = await rendered_request(walk, request)
        content = rendered["content"]
        secrets = walk.configuration.variables.secrets
        rendered["secrets"] = secrets_in(content, secrets)
        rendered["any_json"] = request.settings.response_path is not None
        told = {"method": content["method"], "url": masked_url(content["url"])}
        event = StepEvent(RunEventType.FETCH_REQUESTED, {**told, **request.named()})
        return await send_request(walk, step, rendered, _ATTEMPTS, event, kept=request.kept())

    async def resume(self, walk: Walk, step: HttpFetchStep, kept: JsonObject, woken: Woken) -> Move:
        """Go on with the answer, or wait for another attempt.

        Raises:
            ContentError: the request has failed for good.
        """
        found = await take_answer(walk, step, kept, woken, _ATTEMPTS)
        if not isinstance(found, StoredFetch):
            return found
        if found.result != FetchResult.DONE:
            error = (found.trace or {}).get("error") or "The request has failed."
            raise ContentError("request", error, is_final=True)
        sent = await request_sent(walk, step, kept)
        return Done(
            story=f"`{step.ref}` has its answer",
            record=sent.kept(),
            patch=merged(walk.run.data, found.answer, sent.settings.response_path),
        )
