"""The steps that change a user, an object or a tenant: merged within the walk, under a row lock.

What a step did is kept with the run in the same transaction, so a repeated walk changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from domain.kit.errors import InvalidParams, Unprocessable
from domain.kit.json_types import JsonObject
from domain.kit.shapes import Wrong, read_shape
from domain.kit.shortened import shortened
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import TENANTS, USERS, RecipientRef
from domain.recipients.shapes import (
    MAX_PROPERTIES_BYTES,
    InlineObjectIn,
    InlineUserIn,
    RecipientIn,
    TenantRecipientIn,
)
from domain.runs.events import RunEventType
from domain.workflows.steps import UpdateObjectStep, UpdateTenantStep, UpdateUserStep
from domain.workflows.steps.update_recipient import read_target
from services.recipients.updates import update_within
from services.walk.context import Walk
from services.walk.faults import ContentError, blaming
from services.walk.moves import NOT_MET, Done, Move, StepEvent, skip
from services.walk.steps.never_waits import NeverWaits
from services.walk.texts import render_settings
from templating.liquid.renderer import Renderer
from templating.liquid.typed import ObjectTemplate

UpdateStep = UpdateUserStep | UpdateObjectStep | UpdateTenantStep

_SHAPES: Mapping[str, type[RecipientIn]] = {USERS: InlineUserIn, TENANTS: TenantRecipientIn}
# What a step cannot change (Knock docs).
_CHANNEL_DATA = "channel_data"
# The story names at most this many of the members that a step has changed.
_MOST_TOLD = 20


class UpdateRecipientExecutor(NeverWaits):
    """Merges properties into one recipient, as an identify does."""

    async def arrive(self, walk: Walk, step: UpdateStep) -> Move:
        """Change it. Raises ContentError when it is not named, or what is rendered cannot be."""
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        current = None
        if not isinstance(step, UpdateObjectStep) and step.settings.recipient_mode == "current":
            current = _current(walk, step)
            if current is None:
                is_user = isinstance(step, UpdateUserStep)
                who = "the recipient is not a user" if is_user else "the run has no tenant"
                return skip(step, who)
        ref, properties = await _rendered(walk, step, current)
        is_left_out = properties.pop(_CHANNEL_DATA, None) is not None
        try:
            said, cause = _said(ref, properties), walk.run.cause()
            update = await update_within(walk.unit, walk.run.scope, said, cause)
        except (InvalidParams, Unprocessable) as refusal:
            raise ContentError("content", refusal.message) from refusal
        walk.renew(update.stored, update.preferences)
        told: JsonObject = {
            "recipient": ref.wire(),
            "changes": {
                name: {side: shortened(value) for side, value in change.items()}
                for name, change in islice(update.changes.items(), _MOST_TOLD)
            },
        }
        if is_left_out:
            told["left_out"] = [_CHANNEL_DATA]
        return Done(
            story=f"`{step.ref}` changed what is stored",
            event=StepEvent(RunEventType.RECIPIENT_UPDATED, told),
        )


def _current(walk: Walk, step: UpdateUserStep | UpdateTenantStep) -> RecipientRef | None:
    """Return the run's own user or tenant, if it has one."""
    run = walk.run
    if isinstance(step, UpdateUserStep):
        return run.ref if run.ref.is_user else None
    return RecipientRef(TENANTS, run.tenant_id) if run.tenant_id else None


async def _rendered(
    walk: Walk, step: UpdateStep, current: RecipientRef | None
) -> tuple[RecipientRef, JsonObject]:
    """Render whom the step changes, and what it says of them. Raises ContentError."""
    gid = step.settings.recipient_gid or ""
    with blaming("template"):
        template = ObjectTemplate(step.settings.update_properties, "settings.update_properties")

    def render(out: Renderer) -> tuple[str, JsonObject]:
        named = "" if current else out.line(gid, "settings.recipient_gid")
        return named, template.render(out)

    sources = [*template.sources, gid]
    named, properties = await render_settings(walk, sources, render, output=MAX_PROPERTIES_BYTES)
    try:
        return current or read_target(named.strip(), step.type), properties
    except Wrong as wrong:
        raise ContentError("content", f"settings.recipient_gid: {wrong}") from wrong


def _said(ref: RecipientRef, properties: JsonObject) -> InlineRecipient:
    """Read what a step says of somebody, as the API would. Raises ContentError."""
    whole = {**properties, "id": ref.id, "collection": ref.collection}
    try:
        given = read_shape(_SHAPES.get(ref.collection, InlineObjectIn), whole)
        return InlineRecipient.of(ref, given, "settings.update_properties")
    except InvalidParams as refusal:
        raise ContentError("content", str(refusal.errors[0])) from refusal
