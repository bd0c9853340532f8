"""Judges which guides a user may see and renders those; reads only what templates look up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from uuid import UUID

from domain.conditions import ConditionScope, evaluate
from domain.content.guide import Guide, ReadStep, managed_audience
from domain.content.message_type import MessageType, markdown_fields
from domain.content.variables import BRANDING, Variables
from domain.guides.rows import EngagedStep, GuideGroup, Ineligibility
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope
from domain.recipients.recipients import Recipient
from domain.recipients.refs import TENANTS, RecipientRef
from runtime.database import Connection
from runtime.logs import get_logger
from services.content.catalog import Configuration
from services.content.library import library_for
from services.engine import Engine
from services.guides.published import PublishedGuide
from services.off_loop import off_loop
from services.recipients.lookups import with_lookups
from templating.limits import Budget, Limits, LiquidError
from templating.liquid.environment import render_text
from templating.liquid.lookups import Lookups
from templating.markup.empty_emphasis import render_markdown
from templating.markup.markdown import markdown_to_safe_html
from templating.messages.context import with_branding

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step with what it says to this user, and what the user did with it."""

    step: ReadStep
    content: JsonObject
    engaged: EngagedStep | None


@dataclass(frozen=True, slots=True)
class ShownGuide:
    """A guide that a user may see."""

    found: PublishedGuide
    steps: list[ShownStep]
    is_unthrottled: bool


@dataclass(frozen=True)
class Viewer:
    """Whom guides are judged for.

    Attributes:
        values: what conditions and templates see.
        engaged: what the user did with steps, by guide and step.
        memberships: keys of the audiences that the user is in, each with the tenant that the user
            is in it for, or none.
        tenant_id: on whose behalf the user asks, or none.
        now: when.
    """

    values: JsonObject
    engaged: Mapping[tuple[str, str], Sequence[EngagedStep]]
    memberships: frozenset[tuple[str, str]]
    tenant_id: str
    now: datetime

    @cached_property
    def audiences(self) -> frozenset[str]:
        """Return the keys of the audiences that the user is in, for whatever tenant."""
        return frozenset(key for key, _ in self.memberships)

    def did(self, guide: Guide, step_ref: str) -> EngagedStep | None:
        """Return what the user did with a step, as far as it counts here.

        What was done before a guide's scope was changed counts still: for the tenant that it was
        done for, or, where the guide is the same for all tenants, for all. Of several the archived
        one counts, and of these the one that is final.
        """
        found = self.engaged.get((guide.key, step_ref), ())
        if guide.is_per_tenant:
            found = [one for one in found if one.counts_for(self.tenant_id)]

        def weight(one: EngagedStep) -> tuple[bool, bool, bool, UUID]:
            is_of_scope = (one.tenant_id is not None) == guide.is_per_tenant
            return one.archived_at is not None, one.is_final, is_of_scope, one.message_id

        return max(found, key=weight, default=None)

    def is_in(self, audience_key: str, *, strictly: bool = False) -> bool:
        """Tell whether the user is in an audience: for any tenant, or for that of the request."""
        if strictly:
            return (audience_key, self.tenant_id) in self.memberships
        return audience_key in self.audiences


def by_step(engaged: Iterable[EngagedStep]) -> dict[tuple[str, str], list[EngagedStep]]:
    """Sort what a user did by guide and step."""
    found: dict[tuple[str, str], list[EngagedStep]] = {}
    for one in engaged:
        found.setdefault((one.guide_key, one.step_ref), []).append(one)
    return found


def people_seen(
    stored: Mapping[RecipientRef, Recipient], user_id: str, tenant_id: str | None
) -> JsonObject:
    """Return recipient and tenant as templates and conditions see them, stored or not."""
    user = stored.get(RecipientRef.user(user_id))
    values: JsonObject = {
        "recipient": {"id": user_id} if user is None else user.variable(),
        "tenant": None,
    }
    if tenant_id is not None:
        tenant = stored.get(RecipientRef(TENANTS, tenant_id))
        values["tenant"] = {"id": tenant_id} if tenant is None else tenant.variable()
    return values


def variables_seen(variables: Variables, people: JsonObject) -> Mapping[str, object]:
    """Return `vars` as guides see them: what anybody may see, with the branding of the tenant."""
    public = {**variables.public, BRANDING: variables.values.get(BRANDING)}
    return with_branding(public, people["tenant"])


async def judge(
    engine: Engine,
    connection: Connection,
    environment: EnvironmentScope,
    configuration: Configuration,
    wanted: list[PublishedGuide],
    *,
    viewer: Viewer,
    group: GuideGroup | None,
) -> tuple[list[ShownGuide], dict[str, Ineligibility]]:
    """Return those of some guides that a user may see, in their order, and why not the others."""
    limits = Limits(seconds=engine.settings.liquid_seconds)
    return await with_lookups(
        connection,
        environment.id,
        lambda lookups: off_loop(
            partial(
                _judge_all,
                wanted,
                viewer,
                group,
                types=configuration.message_types,
                limits=limits,
                lookups=lookups,
            )
        ),
        library=library_for(
            engine,
            configuration,
            viewer.values["recipient"].get("locale"),
            viewer.tenant_id or None,
        ),
    )


def _judge_all(
    wanted: list[PublishedGuide],
    viewer: Viewer,
    group: GuideGroup | None,
    *,
    types: Mapping[str, MessageType],
    limits: Limits,
    lookups: Lookups,
) -> tuple[list[ShownGuide], dict[str, Ineligibility]]:
    """Judge and render; a guide whose Liquid is broken spoils nothing beside it."""
    entries: list[ShownGuide] = []
    ineligible: dict[str, Ineligibility] = {}
    for found in wanted:
        budget = Budget(limits)
        render = partial(
            render_text, scope=viewer.values, limits=limits, budget=budget, lookups=lookups
        )
        reason = _why_not(found, viewer, render)
        if reason is not None:
            ineligible[found.guide.key] = reason
            continue
        try:
            steps = [
                ShownStep(step, _content(step, types, render), viewer.did(found.guide, step.ref))
                for step in found.guide.steps
            ]
        except LiquidError as error:
            _log.warning("guide_not_rendered", guide=found.guide.key, error=type(error).__name__)
            continue
        is_unthrottled = group is not None and found.guide.key in group.unthrottled
        entries.append(ShownGuide(found, steps, is_unthrottled))
    return entries, ineligible


def _why_not(found: PublishedGuide, viewer: Viewer, render: partial[str]) -> Ineligibility | None:
    """Return why a user is not to see a guide, or None."""
    guide = found.guide
    if not found.is_active_at(viewer.now):
        return Ineligibility.NOT_ACTIVE
    if _is_archived(guide, viewer):
        return Ineligibility.ARCHIVED
    # Beside those whom it is meant for, whoever a step of a workflow has let in.
    if guide.audience_key is not None and not any(
        viewer.is_in(key, strictly=guide.is_strict)
        for key in (guide.audience_key, managed_audience(guide.key))
    ):
        return Ineligibility.AUDIENCE
    scope = ConditionScope(
        viewer.values,
        viewer.now,
        render,
        is_member=lambda key, _variable: viewer.is_in(key, strictly=guide.is_strict),
    )
    try:
        passed = evaluate(guide.conditions, scope).passed
    except ValueError:  # broken Liquid in an argument
        passed = False
    return None if passed else Ineligibility.CONDITIONS


def _is_archived(guide: Guide, viewer: Viewer) -> bool:
    """Tell whether the user is done with a guide: with all its steps, or with it as a whole."""
    steps = [viewer.did(guide, step.ref) for step in guide.steps]
    archived = [one is not None and one.archived_at is not None for one in steps]
    return bool(archived) and (
        all(archived)
        or any(
            is_archived and one is not None and one.is_final
            for one, is_archived in zip(steps, archived, strict=True)
        )
    )


def _content(step: ReadStep, types: Mapping[str, MessageType], render: partial[str]) -> JsonObject:
    """Return what a step says: Markdown becomes HTML after its Liquid, as in a feed item.

    Raises LiquidError.
    """
    in_markdown = markdown_fields(types, step.schema_key, step.schema_variant_key)
    return {
        name: markdown_to_safe_html(render_markdown(value, render)).strip()
        if name in in_markdown and isinstance(value, str)
        else _rendered(value, render)
        for name, value in step.values.items()
    }


def _rendered(value: JsonValue, render: partial[str]) -> JsonValue:
    if isinstance(value, str):
        return render(value)
    if isinstance(value, dict):
        return {name: _rendered(member, render) for name, member in value.items()}
    if isinstance(value, list):
        return [_rendered(member, render) for member in value]
    return value
