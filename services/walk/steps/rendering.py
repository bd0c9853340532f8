"""Render a step for one run; what may take long is rendered in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from domain.channels.kind import LINK_TRACKING, OPEN_TRACKING
from domain.channels.kinds import CHANNEL_KINDS
from domain.channels.types import effective_settings
from domain.content.email_layout import EMAIL_LAYOUT, EmailLayout
from domain.kit.json_types import JsonObject
from domain.messages.attachments import Attachment
from domain.workflows.steps.channel import ChannelStep
from runtime.vault import BrokenSeal
from services.channels.sealing import open_channel_settings
from services.content.catalog import ConfiguredChannel
from services.off_loop import off_loop
from services.walk.context import Walk
from services.walk.texts import rendered, sees_little
from templating.limits import LiquidError
from templating.liquid.lookups import Lookups
from templating.liquid.printing import storable_json
from templating.liquid.renderer import Renderer
from templating.messages.render import RENDERERS, render_content
from templating.messages.tracking import is_on
from templating.requests import render_request


@dataclass(frozen=True, slots=True)
class Sources:
    """What a step renders: its template and the settings of its channel, as they take effect."""

    template: JsonObject
    settings: JsonObject


def effective_sources(walk: Walk, step: ChannelStep, channel: ConfiguredChannel) -> Sources:
    """Return what a step renders.

    Raises:
        LiquidError: the channel's sealed settings, which the step needs for want of a template,
            cannot be opened and have to be set again.
        UnknownKey: the key that they were encrypted with is missing here.
    """
    kind, settings = CHANNEL_KINDS[channel.channel_type], channel.settings
    if kind.may_lack_template and not step.template:
        try:
            settings = open_channel_settings(
                walk.unit.engine.vault,
                channel.settings,
                channel.sealed_settings,
                channel.id,
                walk.run.environment_id,
            )
        except BrokenSeal:
            message = f"the request of channel {channel.key} must be set again"
            raise LiquidError(message) from None
    settings = effective_settings(settings, step.channel_overrides)
    return Sources(kind.effective_template(step.template, settings), settings)


async def render_message(
    walk: Walk,
    step: ChannelStep,
    sources: Sources,
    identifier: str,
    *,
    layout: EmailLayout | None = None,
    locale: str | None = None,
) -> JsonObject:
    """Return the content of the message that a step makes.

    Args:
        walk: whose variables the template sees.
        step: of which channel type the message is.
        sources: what is rendered.
        identifier: of the message.
        layout: in the place of the published one that the template names.
        locale: of the translations, in the place of the recipient's.

    Raises:
        LiquidError: the template is broken, went over its limits, or its layout is not published.
    """
    template, settings = sources.template, sources.settings
    renderer = RENDERERS[step.channel_type]
    scope = walk.message_scope(identifier)
    layout = layout or await _layout(walk, step, template)
    work = partial(
        render_content,
        step.channel_type,
        template,
        scope,
        settings=settings,
        layout=layout,
        limits=replace(renderer.limits, seconds=walk.limits.seconds),
    )
    is_slow = renderer.is_slow or not sees_little(walk)
    content = await rendered(walk, work, (template, settings), is_slow=is_slow, locale=locale)
    if renderer.attachments is not None:
        read = partial(renderer.attachments, template, walk.run.data)
        attached = read() if sees_little(walk) else await off_loop(read)
        if attached:
            content["attachments"] = await off_loop(partial(_kept, walk, attached))
    return content


async def tracked_message(
    walk: Walk, step: ChannelStep, sources: Sources, content: JsonObject, message_id: UUID
) -> JsonObject:
    """Return a rendered content with links that tell us of it, where its channel wants that.

    A preview has none: nobody is sent it.

    Args:
        walk: whose message it is; it stores the short links.
        step: which makes the message.
        sources: with the settings that take effect.
        content: what was rendered.
        message_id: of the message.
    """
    renderer, settings = RENDERERS[step.channel_type], sources.settings
    wanted = is_on(settings, LINK_TRACKING) or is_on(settings, OPEN_TRACKING)
    if renderer.track is None or not wanted:
        return content
    tracker = walk.tracker(message_id)
    work = partial(renderer.track, content, settings, tracker)
    tracked = await off_loop(work) if renderer.is_slow else work()
    for link in tracker.short_links:
        walk.journal.link(link)
    return tracked


def _kept(walk: Walk, attached: Sequence[Attachment]) -> list[JsonObject]:
    """Keep the bytes of attachments for the message, and return what its content says of them."""
    references = [each.reference() for each in attached]
    for reference, each in zip(references, attached, strict=True):
        walk.journal.attach(reference["digest"], each.content)
    return references


async def render_fetch(walk: Walk, request: JsonObject) -> JsonObject:
    """Return the request of a fetch step, and the key that signs it.

    Raises:
        LiquidError: a template is broken, or went over its limits.
    """
    scope = walk.scope()

    def work(*, lookups: Lookups) -> JsonObject:
        renderer = Renderer(scope, walk.limits, lookups=lookups)
        content: JsonObject = storable_json(render_request(request, renderer))
        signing_key = renderer.line(request.get("signing_key"), "signing_key")
        return {"content": content, "signing_key": signing_key}

    return await rendered(walk, work, request, is_slow=not sees_little(walk))


async def _layout(walk: Walk, step: ChannelStep, template: JsonObject) -> EmailLayout | None:
    """Return the layout that a template names; published now, not at trigger time."""
    key = CHANNEL_KINDS[step.channel_type].layout_key(template)
    if not key:
        return None
    layout = await walk.unit.engine.catalog.compiled_by_key(
        walk.unit.connection, EMAIL_LAYOUT, walk.configuration, key
    )
    if layout is None:
        message = f"there is no published e-mail layout {key!r}"
        raise LiquidError(message, field="settings.layout_key")
    return layout
