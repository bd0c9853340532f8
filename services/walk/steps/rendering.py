"""Render a channel step for one run; what may take long is rendered in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from domain.channels.types import ChannelType, effective_settings
from domain.kit.json_types import JsonObject
from domain.workflows.steps.channel import ChannelStep
from runtime.crypto import BrokenSeal
from runtime.logs import get_logger
from services.channels.sealing import open_channel_settings
from services.content.catalog import ConfiguredChannel
from services.off_loop import off_loop
from services.recipients.lookups import with_lookups
from services.walk.context import Walk
from templating.limits import EMAIL_LIMITS, Limits, LiquidError
from templating.liquid.environment import is_quick as is_quick_template
from templating.liquid.lookups import Lookups
from templating.liquid.printing import weigh
from templating.messages.email import EmailLayout, count_attachments
from templating.messages.render import render_content

_log = get_logger(__name__)

# What the settings of a webhook channel say about its own request.
_REQUEST = ("method", "url", "headers", "query_params", "body")
# Of what the templates of a quick message see. Markdown, which every feed item goes through, takes
# some milliseconds for that much.
_QUICK_WEIGHT = 8_192


async def render_message(
    context: Walk, step: ChannelStep, channel: ConfiguredChannel, identifier: str
) -> JsonObject:
    """Return the content of the message that a step makes.

    Raises:
        LiquidError: the template is broken, went over its limits, or its layout is not published.
    """
    template = request_template(context, step, channel)
    settings = effective_settings(channel.settings, step.channel_overrides)
    scope = context.message_scope(identifier)
    layout = await _layout(context, step, channel)
    # A few tenths of a millisecond are cheaper here than the way to a thread and back. E-mails
    # have a layout, styles and a text part to make, and any loop or long text may take a second.
    seen = [context.run.data, scope["recipient"], scope["actor"], scope["tenant"]]
    is_quick = (
        channel.channel_type is not ChannelType.EMAIL
        and all(map(is_quick_template, _sources((template, settings))))
        and weigh(seen, _QUICK_WEIGHT) <= _QUICK_WEIGHT
    )

    async def render(lookups: Lookups) -> JsonObject:
        work = partial(
            render_content,
            channel.channel_type,
            template,
            scope,
            settings=settings,
            layout=layout,
            limits=_limits(context, channel.channel_type),
            lookups=lookups,
        )
        return work() if is_quick else await off_loop(work)

    content = await with_lookups(context.unit.connection, context.run.environment_id, render)
    if channel.channel_type is ChannelType.EMAIL:
        _tell_of_attachments(context, step)
    return content


def _tell_of_attachments(context: Walk, step: ChannelStep) -> None:
    """Say that the mail goes out without its attachments, which this version does not send."""
    count = count_attachments(step.template, context.run.data)
    if count:
        told = {"count": count}
        context.journal.tell("attachments_not_sent", step=step, data=told)
        _log.warning("attachments_not_sent", workflow=context.definition.key, step=step.ref, **told)


def _sources(value: object) -> Iterator[str]:
    """Yield every text in a template; some are no Liquid, which harms nobody."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _sources(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _sources(item)


def request_template(context: Walk, step: ChannelStep, channel: ConfiguredChannel) -> JsonObject:
    """Return the step's template; a webhook step without one sends its channel's own request.

    One or the other, never a mixture (Knock docs: "Webhook channels").

    Raises:
        LiquidError: the channel's request cannot be opened and has to be set again.
        UnknownKey: the key that it was encrypted with is missing here.
    """
    if channel.channel_type is not ChannelType.HTTP or step.template:
        return step.template
    try:
        settings = open_channel_settings(
            context.unit.engine.vault,
            channel.settings,
            channel.sealed_settings,
            channel.id,
            context.run.environment_id,
        )
    except BrokenSeal:
        raise LiquidError(f"the request of channel {channel.key} has to be set again") from None
    own = {name: settings[name] for name in _REQUEST if settings.get(name)}
    return {"method": "post", **own}


async def _layout(
    context: Walk, step: ChannelStep, channel: ConfiguredChannel
) -> EmailLayout | None:
    """Return the layout that an e-mail template names; published now, not at trigger time."""
    if channel.channel_type is not ChannelType.EMAIL:
        return None
    key = (step.template.get("settings") or {}).get("layout_key")
    if not key:
        return None
    layout = await context.unit.engine.catalog.layout(
        context.unit.connection, context.configuration, key
    )
    if layout is None:
        raise LiquidError(f"there is no published e-mail layout {key!r}")
    return layout


def _limits(context: Walk, channel_type: ChannelType) -> Limits:
    if channel_type is ChannelType.EMAIL:
        return replace(EMAIL_LIMITS, seconds=context.limits.seconds)
    return context.limits
