"""The step that triggers another workflow: accepted within the walk, started after its commit."""

from __future__ import annotations

from dataclasses import replace

from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.ids import triggered_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.runs.events import RunEventType
from domain.triggers.requests import MAX_DATA_BYTES, TriggerRequest, parse_trigger_request
from domain.workflows.steps.trigger_workflow import (
    MAX_CHAIN,
    THE_ACTOR,
    THE_DATA,
    THE_RECIPIENT,
    TriggerWorkflowStep,
)
from services.triggers.triggering import trigger_within
from services.walk.context import Walk
from services.walk.faults import ContentError, blaming
from services.walk.moves import NOT_MET, Done, Move, StepEvent, skip
from services.walk.steps.never_waits import NeverWaits
from services.walk.texts import render_settings
from templating.liquid.renderer import Renderer, parse_json
from templating.liquid.typed import ObjectTemplate


class TriggerWorkflowExecutor(NeverWaits):
    """Triggers once for each run that comes by (Knock docs: "Trigger workflow function")."""

    async def arrive(self, walk: Walk, step: TriggerWorkflowStep) -> Move:
        """Trigger the workflow. Raises ContentError when what is rendered is no valid trigger."""
        if not await walk.allows(step):
            return _skipped(step, NOT_MET)
        cause = walk.run.cause()
        if cause.chain > MAX_CHAIN:
            raise ContentError("content", f"triggers may be chained at most {MAX_CHAIN} deep")
        request = await _request(walk, step)
        request = replace(request, source={**request.source, **cause.noted()})
        made_id = triggered_id(walk.run.id, step.ref, walk.unit.now)
        try:
            await trigger_within(walk.unit, walk.run.scope, request, made_id)
        except NotFound:
            return _skipped(step, f"workflow {request.workflow_key[:255]} does not exist here")
        except Unprocessable as refusal:
            if refusal.code != "workflow_inactive":
                raise ContentError("content", str(refusal)) from refusal
            return _skipped(step, f"workflow {request.workflow_key} is inactive")
        except InvalidParams as refusal:
            raise ContentError("content", str(refusal.errors[0])) from refusal
        told: JsonObject = {"workflow": request.workflow_key, "workflow_run_id": str(made_id)}
        return Done(
            outcome="done",
            story=f"`{step.ref}` triggered {request.workflow_key}",
            event=StepEvent(RunEventType.WORKFLOW_TRIGGERED, told),
            record={"workflow_run_id": str(made_id)},
        )


async def _request(walk: Walk, step: TriggerWorkflowStep) -> TriggerRequest:
    """Render the settings, and read them as the body of a trigger. Raises ContentError."""
    settings, run = step.settings, walk.run
    with blaming("template"):
        data = ObjectTemplate(settings.data or "{}", "settings.data")
    texts = [each for name, each in settings if each is not None and name != "data"]

    def render(out: Renderer) -> tuple[str, JsonObject]:
        body: JsonObject = {
            # By its reference, because an object is not named by its id alone.
            "recipients": run.ref.wire()
            if settings.recipients == THE_RECIPIENT
            else _value(out, settings.recipients, "settings.recipients"),
            # One who was deleted meanwhile is none, as where it is rendered.
            "actor": run.actor and run.actor_ref and run.actor_ref.wire()
            if settings.actor == THE_ACTOR
            else _value(out, settings.actor, "settings.actor"),
            "tenant": _value(out, settings.tenant, "settings.tenant"),
            "data": run.data if settings.data == THE_DATA else data.render(out),
            "cancellation_key": out.text(settings.cancellation_key, "settings.cancellation_key")
            or None,
        }
        if not isinstance(body["recipients"], list):
            body["recipients"] = [body["recipients"]]
        # What tries a workflow out must not send by another one.
        if run.cause().is_sandbox:
            body["settings"] = {"sandbox_mode": True}
        return out.line(settings.workflow_key, "settings.workflow_key"), body

    key, body = await render_settings(walk, [*texts, *data.sources], render, output=MAX_DATA_BYTES)
    try:
        return parse_trigger_request(key, body, source_type="workflow_step")
    except InvalidParams as refusal:
        raise ContentError("content", str(refusal.errors[0])) from refusal


def _value(out: Renderer, source: str | None, field: str) -> JsonValue:
    """Render an id, or the JSON of an object or list; nothing is None."""
    text = out.text(source, field).strip()
    if text[:1] in ("{", "["):
        try:
            return parse_json(text)
        except ValueError:
            return text
    return text or None


def _skipped(step: TriggerWorkflowStep, reason: str) -> Move:
    # The key of the workflow may be rendered, and is not for everybody's eyes.
    return replace(skip(step, reason), story=f"`{step.ref}` skipped")
