"""Render a channel step for one run; a template that may take long does so in a thread."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from functools import lru_cache, partial

from domain.channels import ChannelType
from domain.clock import iso
from domain.json_types import JsonObject
from domain.steps.channel import ChannelStep
from services.catalog import ConfiguredChannel
from services.steps.context import StepContext
from templating.email import EmailLayout
from templating.limits import EMAIL_LIMITS, Limits, LiquidError
from templating.render import render_content

# What the settings of a webhook channel say about its own request.
_REQUEST = ("method", "url", "headers", "query_params", "body")
_LONG_CHARACTERS = 16_384


async def render_message(
    context: StepContext, step: ChannelStep, channel: ConfiguredChannel, identifier: str
) -> JsonObject:
    """Return the content of the message that a step makes.

    Raises:
        LiquidError: the template is broken, went over its limits, or its layout is not published.
    """
    now = iso(context.now)
    render = partial(
        render_content,
        channel.channel_type,
        request_template(step, channel),
        {
            **context.scope(),
            "current_message": {"id": identifier, "inserted_at": now, "updated_at": now},
        },
        settings={**channel.settings, **(step.channel_overrides or {})},
        layout=await _layout(context, step, channel),
        limits=_limits(context, channel.channel_type),
    )
    # A few tenths of a millisecond are cheaper here than the way to a thread and back; a loop may
    # use its whole second, and must not hold up the other runs of this process.
    if _may_take_long(json.dumps(step.template)):
        return await asyncio.to_thread(render)
    return render()


@lru_cache(maxsize=1_000)
def _may_take_long(template: str) -> bool:
    return len(template) > _LONG_CHARACTERS or "{% for" in template or "{%- for" in template


def request_template(step: ChannelStep, channel: ConfiguredChannel) -> JsonObject:
    """Return the step's template; a webhook step without one sends its channel's own request.

    One or the other, never a mixture (Knock docs: "Webhook channels").
    """
    if channel.channel_type is not ChannelType.HTTP or step.template:
        return step.template
    own = {name: channel.settings[name] for name in _REQUEST if channel.settings.get(name)}
    return {"method": "post", **own}


async def _layout(
    context: StepContext, step: ChannelStep, channel: ConfiguredChannel
) -> EmailLayout | None:
    """Return the layout that an e-mail template names; published now, not at trigger time."""
    if channel.channel_type is not ChannelType.EMAIL:
        return None
    key = (step.template.get("settings") or {}).get("layout_key")
    if not key:
        return None
    layout = await context.catalog.layout(context.connection, context.configuration, key)
    if layout is None:
        raise LiquidError(f"there is no published e-mail layout {key!r}")
    return layout


def _limits(context: StepContext, channel_type: ChannelType) -> Limits:
    if channel_type is ChannelType.EMAIL:
        return replace(EMAIL_LIMITS, seconds=context.limits.seconds)
    return context.limits
