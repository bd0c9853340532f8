"""Previews of what templates are made with: e-mail layouts and partials."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from domain.channels.types import ChannelType
from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.kind import KindOfContent
from domain.content.partial import PARTIAL, PartialType
from domain.kit.authored import ChannelTypes
from domain.kit.errors import InvalidParams
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.kit.violations import Violations
from domain.previews.requests import LayoutPreviewIn, PartialPreviewIn, Viewpoint
from domain.previews.rows import Preview
from services.engine import Engine
from services.json_schemas import schema_errors
from services.previews.definitions import definition_of, require_layout, step_of
from services.previews.rendering import try_out
from services.previews.walks import imagine_walk
from services.walk.context import Walk
from services.walk.steps.rendering import Sources, render_message
from services.walk.texts import rendered
from templating.limits import EMAIL_LIMITS, LiquidError
from templating.liquid.lookups import Lookups
from templating.liquid.renderer import Renderer

T = TypeVar("T")

# No key of content is like these, so nothing of an account stands in their way.
_LAYOUT, _PARTIAL = "the previewed layout", "the previewed partial"
_EXAMPLE = [
    {"type": "markdown", "content": "# Your message\n\nThis is where its content stands."},
    {"type": "divider"},
    {"type": "markdown", "content": "It may have **several** parts."},
]


async def preview_layout(
    engine: Engine, environment: EnvironmentScope, asked: LayoutPreviewIn
) -> Preview:
    """Render an e-mail layout around an example.

    Raises:
        InvalidParams: the layout is not one.
    """
    view = asked.viewpoint()
    layout = _read(EMAIL_LAYOUT, asked.email_layout, EMAIL_LAYOUT.name)
    template: JsonObject = {
        "subject": "",
        "visual_blocks": _EXAMPLE,
        "settings": {"layout_key": _LAYOUT},
    }
    templates = [*EMAIL_LAYOUT.templates(layout)]
    async with engine.connection() as connection:
        walk = await imagine_walk(
            engine, connection, environment, definition_of(asked.workflow), view
        )
        sources = Sources(template, {})
        step = step_of(ChannelType.EMAIL, template)
        work = render_message(walk, step, sources, str(new_id()), layout=layout)
        outcome = await try_out(walk, work, templates)
    if isinstance(outcome, tuple):
        return Preview(ChannelType.EMAIL, {}, outcome)
    bodies = {name: outcome[name] for name in ("html_body", "text_body")}
    return Preview(ChannelType.EMAIL, bodies)


async def preview_partial(
    engine: Engine, environment: EnvironmentScope, asked: PartialPreviewIn
) -> Preview:
    """Render a partial with inputs, as a template would; in a layout where one is named.

    Raises:
        InvalidParams: the partial is not one; or the layout is not published, or not for its type.
    """
    read = _read(PARTIAL, asked.partial, PARTIAL.name)
    layout_key = asked.layout.key if asked.layout else None
    if layout_key and read.type is not PartialType.HTML:
        raise InvalidParams.of("layout.key", "is only for partials of type html")
    inputs = asked.data or {}
    given = "".join(f', {name}: data["{name}"]' for name in inputs)
    source = f"{{% render '{_PARTIAL}'{given} %}}"
    async with engine.connection() as connection:
        view = Viewpoint(data=inputs)
        walk = await imagine_walk(engine, connection, environment, definition_of(None), view)
        if layout_key:
            require_layout(walk.configuration, layout_key)
        known = {**walk.configuration.partials, _PARTIAL: read}
        walk.configuration = replace(walk.configuration, partials=known)
        work = _in_layout(walk, source, layout_key) if layout_key else _alone(walk, source)
        outcome = await try_out(walk, work, [*PARTIAL.templates(read)])
    if isinstance(outcome, tuple):
        return Preview(read.type, {}, outcome)
    return Preview(read.type, outcome)


async def _in_layout(walk: Walk, source: str, layout_key: str) -> JsonObject:
    template = {"subject": "", "html_body": source, "settings": {"layout_key": layout_key}}
    sources = Sources(template, {})
    try:
        step = step_of(ChannelType.EMAIL, template)
        content = await render_message(walk, step, sources, str(new_id()))
    except LiquidError as error:
        raise _own(error) from error
    return {"content": content["html_body"]}


async def _alone(walk: Walk, source: str) -> JsonObject:
    scope, limits = walk.scope(), replace(EMAIL_LIMITS, seconds=walk.limits.seconds)

    def work(*, lookups: Lookups) -> str:
        return Renderer(scope, limits, lookups=lookups).text(source, "content")

    try:
        text = await rendered(walk, work, source, is_slow=True)
    except LiquidError as error:
        raise _own(error) from error
    return {"content": text}


def _own(error: LiquidError) -> LiquidError:
    """Return an error of the previewed partial by its place in the partial."""
    found = error
    while found.message.startswith(f"partial '{_PARTIAL}'"):
        if not isinstance(found.__cause__, LiquidError):
            break
        found = found.__cause__
    return error if found is error else found.within("content")


def _read(kind: KindOfContent[T], raw: JsonObject, field: str) -> T:
    """Read content that is saved nowhere; its Liquid is judged where it is rendered.

    Raises:
        InvalidParams: with everything else that is wrong in it.
    """
    violations = Violations()
    try:
        document = kind.check(kind.normalise(raw, ChannelTypes()), "preview")
    except InvalidParams as refusal:
        raise InvalidParams([each.under(field) for each in refusal.errors]) from None
    for place, schema in kind.schemas(document):
        violations.extend(each.under(field) for each in schema_errors(schema, place))
    violations.raise_any()
    return document
