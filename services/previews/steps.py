"""Previews of templates: those of the steps of a workflow, and those that are saved nowhere."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import replace

from domain.channels.kind import Target
from domain.channels.kinds import CHANNEL_KINDS
from domain.channels.sources import template_sources
from domain.channels.types import ChannelType, effective_settings
from domain.content.email_layout import EMAIL_LAYOUT, EmailLayout
from domain.content.reusable_request import REUSABLE_REQUEST
from domain.content.workflow import WORKFLOW
from domain.kit.authored import Template, texts_within
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.previews.requests import (
    LayoutOfPreview,
    RequestPreviewIn,
    TemplatePreviewIn,
    Viewpoint,
)
from domain.previews.rows import Fault, Preview
from domain.workflows.steps import HttpFetchStep
from domain.workflows.steps.batch import batch_before
from domain.workflows.steps.channel import ChannelStep
from services.channels.sealing import SEALED, seal_content
from services.content.catalog import ConfiguredChannel
from services.content.references import get_saved
from services.engine import Engine
from services.previews.definitions import definition_of, layout_written_as, require_layout, step_of
from services.previews.rendering import try_out
from services.previews.walks import imagine_walk
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.steps.http_fetch import rendered_request
from services.walk.steps.inputs import give_to_channel
from services.walk.steps.rendering import Sources, effective_sources, render_message
from services.walk.steps.step_requests import StepRequest, request_of, reusable, take_inputs

_DEFAULT_LAYOUT = "default"
# Steps of these types name a guide in the place of a template.
_GUIDES = [name for name, kind in CHANNEL_KINDS.items() if kind.names_guide]


async def preview_step(
    engine: Engine,
    environment: EnvironmentScope,
    workflow_key: str,
    step_ref: str,
    view: Viewpoint,
) -> Preview:
    """Render a step of a workflow as it is saved, committed or not.

    Whether the step would be reached, and its message be made, is not judged: conditions, send
    windows, preferences and addresses do not count.

    Raises:
        NotFound: there is no such workflow or step.
        InvalidParams: the step has no template; or activities are given, and no batch comes before.
    """
    async with engine.connection() as connection:
        saved = await get_saved(connection, environment, WORKFLOW.name, workflow_key)
        if saved is None:
            raise NotFound(f"The workflow {workflow_key[:255]!r} does not exist.")
        definition = WORKFLOW.read(saved.draft, workflow_key)
        step = definition.program.step(step_ref)
        if step is None:
            raise NotFound(f"The workflow has no step {step_ref[:255]!r}.")
        if not isinstance(step, ChannelStep | HttpFetchStep):
            raise InvalidParams.of(
                "step_ref", f"is a step of type {step.type}, which has no template"
            )
        if isinstance(step, ChannelStep) and step.guide_key is not None:
            raise InvalidParams.of("step_ref", "is a step that names a guide, and has no template")
        batch = batch_before(definition.steps, step_ref)
        if batch is None and view.activities is not None:
            raise InvalidParams.of("activities", "are only allowed after a batch step")
        walk = await imagine_walk(
            engine,
            connection,
            environment,
            definition,
            view,
            version_id=saved.published_version_id,
            batch=batch.settings if batch else None,
        )
        if isinstance(step, HttpFetchStep):
            return await _preview_fetch(walk, step)
        return await _preview(
            walk, step.channel_type, step.template, _made(walk, step), _templates(step)
        )


async def preview_request(
    engine: Engine, environment: EnvironmentScope, key: str, asked: RequestPreviewIn
) -> Preview:
    """Render a reusable request as it is saved, committed or not, apart from any workflow.

    Without inputs it gets those that its author keeps with it. Conditions are not judged.

    Raises:
        NotFound: there is no such request.
        InvalidParams: more is said of somebody than fits.
    """
    view = asked.viewpoint()
    async with engine.connection() as connection:
        saved = await get_saved(connection, environment, REUSABLE_REQUEST.name, key)
        if saved is None:
            raise NotFound(f"The reusable request {key[:255]!r} does not exist.")
        document = REUSABLE_REQUEST.read(saved.draft, key)
        walk = await imagine_walk(engine, connection, environment, definition_of(None), view)
        inputs = document.preview_inputs() if asked.inputs is None else asked.inputs
        try:
            request = reusable(document, None)
        except ContentError as error:
            return Preview(ChannelType.HTTP, {}, (Fault(error.text),), written={})
        return await _preview_sent(walk, request, inputs)


async def _preview_fetch(walk: Walk, step: HttpFetchStep) -> Preview:
    """Render the request of a step: its own, or the reusable one that it names."""
    try:
        request = await request_of(walk, step)
    except ContentError as error:
        return Preview(ChannelType.HTTP, {}, (Fault(error.text),), written={})
    return await _preview_sent(walk, request, step.settings.inputs)


async def _preview_sent(
    walk: Walk, request: StepRequest, inputs: JsonObject | None = None
) -> Preview:
    sources = request.settings.request()
    written = {n: v for n, v in sources.items() if v is not None and n != "signing_key"}
    templates = [
        *texts_within(inputs, "inputs"),
        *(
            replace(each, place=each.place.removeprefix("."))
            for each in template_sources(sources, "")
        ),
    ]
    work = _sent(walk, request, inputs)
    return await _preview(walk, ChannelType.HTTP, written, work, templates)


async def preview_template(
    engine: Engine, environment: EnvironmentScope, asked: TemplatePreviewIn
) -> Preview:
    """Render a template that is saved nowhere.

    Raises:
        InvalidParams: it has not the shape that its channel type wants; or the layout is not there.
    """
    if asked.channel_type in _GUIDES:
        raise InvalidParams.of("channel_type", "is for guides, which have no template")
    view, given = asked.viewpoint(), asked.layout
    step = step_of(asked.channel_type, asked.template)
    has_layout = CHANNEL_KINDS[step.channel_type].has_layout
    if given is not None and (given.key or given.is_written) and not has_layout:
        raise InvalidParams.of("layout", f"is not used by the channel type {step.channel_type}")
    layout = None
    if given is not None and given.is_written:
        layout = layout_written_as(given.html_content, given.text_content)
    async with engine.connection() as connection:
        walk = await imagine_walk(
            engine, connection, environment, definition_of(asked.workflow), view
        )
        template = step.template
        if has_layout:
            template = _with_layout(walk, template, given)
        sources = Sources(template, {})
        work = _rendered(walk, step, sources, layout)
        preview = await _preview(walk, step.channel_type, template, work, _templates(step))
    return preview if layout is None else _named_as_given(preview)


def _with_layout(walk: Walk, template: JsonObject, given: LayoutOfPreview | None) -> JsonObject:
    """Return an e-mail's template with the layout that is meant.

    Raises:
        InvalidParams: it is named in the request, and not published.
    """
    own = template.get("settings") or {}
    key = own.get("layout_key")
    if given is not None and given.is_written:
        key = "preview"
    elif given is not None and given.key:
        key = given.key
        require_layout(walk.configuration, key)
    elif "layout_key" not in own and walk.configuration.published(EMAIL_LAYOUT, _DEFAULT_LAYOUT):
        key = _DEFAULT_LAYOUT
    return {**template, "settings": {**own, "layout_key": key}}


def _named_as_given(preview: Preview) -> Preview:
    """Call the sources of a layout as the request has called them."""
    names = {"html_layout": "layout.html_content", "text_layout": "layout.text_content"}
    faults = tuple(
        replace(fault, field=names.get(fault.field or "", fault.field)) for fault in preview.faults
    )
    rendered = preview.rendered
    if "settings" in rendered:
        settings = {n: v for n, v in rendered["settings"].items() if n != "layout_key"}
        rendered = {**rendered, "settings": settings}
    return replace(preview, rendered=rendered, faults=faults)


async def _preview(
    walk: Walk,
    channel_type: ChannelType,
    written: JsonObject,
    work: Awaitable[JsonObject],
    templates: Sequence[Template],
) -> Preview:
    outcome = await try_out(walk, work, templates)
    if isinstance(outcome, tuple):
        return Preview(channel_type, {}, outcome, written)
    return Preview(channel_type, CHANNEL_KINDS[channel_type].filled(written, outcome))


def _templates(step: ChannelStep) -> list[Template]:
    """Return the sources of a step, by their place in its template."""
    return [
        replace(each, place=each.place.removeprefix(".").removeprefix("template."))
        for each in step.templates("")
    ]


async def _made(walk: Walk, step: ChannelStep) -> JsonObject:
    """Render a channel step, with the settings of its channel where there is one.

    Raises:
        LiquidError: the template is broken.
        ContentError: there is nothing to render.
    """
    kind = CHANNEL_KINDS[step.channel_type]
    channel = _channel_of(walk, step)
    if channel is not None:
        sources = effective_sources(walk, step, channel)
    else:
        settings = effective_settings({}, step.channel_overrides)
        sources = Sources(kind.effective_template(step.template, settings), settings)
    if kind.may_lack_template:  # and then whom it reaches depends on the template alone
        target = Target({}, sources.template, sources.settings, step.channel_key)
        reason = kind.why_unreachable(target)
        if reason is not None:
            raise ContentError("template", reason)
    if kind.takes_inputs and step.channel_group_key is None:
        await give_to_channel(walk, step, channel)
    return await _rendered(walk, step, sources, None)


def _channel_of(walk: Walk, step: ChannelStep) -> ConfiguredChannel | None:
    """Return the channel of a step; of a group the first that is set up here."""
    keys = [step.channel_key]
    if step.channel_group_key is not None:
        group = walk.configuration.groups.get(step.channel_group_key)
        keys = [rule.channel_key for rule in group.rules] if group else []
    for key in keys:
        channel = walk.configuration.channels.get(key)
        if channel and channel.channel_type == step.channel_type and channel.problem is None:
            return channel
    return None


async def _rendered(
    walk: Walk, step: ChannelStep, sources: Sources, layout: EmailLayout | None
) -> JsonObject:
    identifier = str(new_id())
    content = await render_message(walk, step, sources, identifier, layout=layout)
    return _shown(walk, step.channel_type, content, identifier)


async def _sent(walk: Walk, request: StepRequest, inputs: JsonObject | None) -> JsonObject:
    with request.blamed():
        await take_inputs(walk, inputs, request)
    rendered = await rendered_request(walk, request)
    return _shown(walk, ChannelType.HTTP, rendered["content"], str(new_id()))


def _shown(
    walk: Walk, channel_type: ChannelType, content: JsonObject, identifier: str
) -> JsonObject:
    """Return of a content what may be read of a message."""
    sealed = seal_content(
        walk.unit.engine.vault,
        CHANNEL_KINDS[channel_type],
        content,
        identifier,
        walk.run.environment_id,
        secrets=walk.configuration.variables.secrets,
    )
    return {name: value for name, value in sealed.items() if name != SEALED}
