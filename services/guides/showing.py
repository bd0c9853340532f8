"""Which guides a user is to see, in which order, and why not the others.

Source: Knock docs, "Guides"; API reference, `GET /v1/users/{id}/guides/{channel_id}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from domain.audiences.members import NO_TENANT
from domain.conditions import ConditionScope, evaluate
from domain.content.guide import Guide, ReadStep, managed_audience
from domain.guides.rows import EngagedStep, GuideGroup, Ineligibility
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import TENANTS, RecipientRef
from models.queries.guides import guides as statements
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection
from runtime.logs import get_logger
from services.content.library import library_for
from services.engine import Engine
from services.guides.published import PublishedGuide, guide_channel, guides_of
from services.off_loop import off_loop
from services.recipients.lookups import with_lookups
from templating.limits import Budget, Limits, LiquidError
from templating.liquid.environment import render_text
from templating.liquid.lookups import Lookups

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


@dataclass(frozen=True, slots=True)
class GuidesView:
    """The guides of a user.

    Attributes:
        entries: those that the user may see, in order.
        ineligible: why not the others, by key.
        sequence: keys of all, in the order in which they are shown.
        group: the settings of the order; None when nobody has said anything.
        dismissed_at: when the user has last dismissed one that others wait for.
    """

    channel_id: UUID
    entries: list[ShownGuide]
    ineligible: dict[str, Ineligibility]
    sequence: list[str]
    group: GuideGroup | None
    dismissed_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Viewer:
    """Whom guides are judged for.

    Attributes:
        audiences: keys of those that the user is in, for whatever tenant.
        memberships: the same, each with the tenant that the user is in it for, or none.
        tenant_id: on whose behalf the user asks, or none.
    """

    values: JsonObject
    engaged: Mapping[tuple[str, str], Sequence[EngagedStep]]
    audiences: frozenset[str]
    memberships: frozenset[tuple[str, str]]
    tenant_id: str
    now: datetime

    def did(self, guide: Guide, step_ref: str) -> EngagedStep | None:
        """Return what the user did with a step, as far as it counts here.

        What was done before a guide's scope was changed counts still: for the tenant that it was
        done for, or, where the guide is the same for all tenants, for all. Of several the archived
        one counts.
        """
        found = self.engaged.get((guide.key, step_ref), ())
        if guide.is_per_tenant:
            found = [one for one in found if one.counts_for(self.tenant_id)]

        def weight(one: EngagedStep) -> tuple[bool, bool, UUID]:
            is_of_scope = (one.tenant_id is not None) == guide.is_per_tenant
            return one.archived_at is not None, is_of_scope, one.message_id

        return max(found, key=weight, default=None)

    def is_in(self, audience_key: str, *, strictly: bool = False) -> bool:
        """Tell whether the user is in an audience: for any tenant, or for that of the request."""
        if strictly:
            return (audience_key, self.tenant_id) in self.memberships
        return audience_key in self.audiences


async def show_guides(
    engine: Engine,
    environment: EnvironmentScope,
    user_id: str,
    channel_id: UUID,
    *,
    tenant_id: str | None = None,
    data: JsonObject | None = None,
    guide_type: str | None = None,
    is_anonymous: bool = False,
) -> GuidesView:
    """Return the guides of a channel as a user sees them; a user need not be identified.

    Args:
        engine: the parts of this process.
        environment: where.
        user_id: who.
        channel_id: of type `in_app_guide`.
        tenant_id: on whose behalf.
        data: what the application says, for targeting and templates.
        guide_type: only guides whose first step is of this message type.
        is_anonymous: anybody may be asking, so nothing that is stored of people is told.

    Raises:
        NotFound: there is no such channel.
    """
    async with engine.connection() as connection:
        configuration = await engine.catalog.current(connection, environment)
        channel = guide_channel(configuration, channel_id)
        guides = await guides_of(engine, connection, environment, configuration, channel)
        group = await statements.get_group(connection, environment.id)
        sequence = group.ordered([*guides]) if group else [*guides]
        engaged = await _engaged(connection, environment, user_id, guides, tenant_id)
        people = await _people(
            connection, environment, user_id, tenant_id, is_anonymous=is_anonymous
        )
        memberships = await statements.memberships_of_user(connection, environment.id, user_id)
        viewer = _Viewer(
            # What is shown to users may say what anybody may see, and no secret variable.
            values={**people, "data": data or {}, "vars": configuration.variables.public},
            engaged=engaged,
            audiences=frozenset(key for key, _ in memberships),
            memberships=memberships,
            tenant_id=tenant_id or NO_TENANT,
            now=engine.clock(),
        )
        wanted = [guides[key] for key in sequence if guide_type in (None, guides[key].guide.type)]
        limits = Limits(seconds=engine.settings.liquid_seconds)
        entries, ineligible = await with_lookups(
            connection,
            environment.id,
            lambda lookups: off_loop(
                partial(_judge_all, wanted, viewer, group, limits=limits, lookups=lookups)
            ),
            library=library_for(engine, configuration, people["recipient"], tenant_id),
        )
        dismissed = await statements.dismissed_at(connection, environment.id, user_id)
    return GuidesView(channel_id, entries, ineligible, sequence, group, dismissed)


async def _engaged(
    connection: Connection,
    environment: EnvironmentScope,
    user_id: str,
    guides: Mapping[str, PublishedGuide],
    tenant_id: str | None,
) -> dict[tuple[str, str], list[EngagedStep]]:
    """Return what a user did with the steps of guides, as far as it may count for a tenant."""
    engaged = await statements.engaged_steps(
        connection,
        environment.id,
        user_id,
        tenant_id=tenant_id or NO_TENANT,
        for_all=[key for key, found in guides.items() if not found.guide.is_per_tenant],
    )
    by_step: dict[tuple[str, str], list[EngagedStep]] = {}
    for one in engaged:
        by_step.setdefault((one.guide_key, one.step_ref), []).append(one)
    return by_step


async def _people(
    connection: Connection,
    environment: EnvironmentScope,
    user_id: str,
    tenant_id: str | None,
    *,
    is_anonymous: bool,
) -> JsonObject:
    """Return recipient and tenant as templates and conditions see them."""
    user = RecipientRef.user(user_id)
    tenant = None if tenant_id is None else RecipientRef(TENANTS, tenant_id)
    refs = [ref for ref in (user, tenant) if ref is not None]
    found = {} if is_anonymous else await recipients_by_ref(connection, environment.id, refs)
    return {
        "recipient": found[user].variable() if user in found else {"id": user_id},
        "tenant": found[tenant].variable()
        if tenant is not None and tenant in found
        else (None if tenant_id is None else {"id": tenant_id}),
    }


def _judge_all(
    wanted: list[PublishedGuide],
    viewer: _Viewer,
    group: GuideGroup | None,
    *,
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
                ShownStep(
                    step,
                    {name: _rendered(value, render) for name, value in step.values.items()},
                    viewer.did(found.guide, step.ref),
                )
                for step in found.guide.steps
            ]
        except LiquidError as error:
            _log.warning("guide_not_rendered", guide=found.guide.key, error=type(error).__name__)
            continue
        is_unthrottled = group is not None and found.guide.key in group.unthrottled
        entries.append(ShownGuide(found, steps, is_unthrottled))
    return entries, ineligible


def _why_not(found: PublishedGuide, viewer: _Viewer, render: partial[str]) -> Ineligibility | None:
    """Return why a user is not to see a guide, or None."""
    guide = found.guide
    if not found.is_active_at(viewer.now):
        return Ineligibility.NOT_ACTIVE
    if _is_archived(guide, viewer):
        return Ineligibility.ARCHIVED
    # Whom a step of a workflow has let in may see it on behalf of every tenant.
    if guide.audience_key is not None and not (
        viewer.is_in(guide.audience_key, strictly=guide.is_strict)
        or viewer.is_in(managed_audience(guide.key))
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


def _is_archived(guide: Guide, viewer: _Viewer) -> bool:
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


def _rendered(value: JsonValue, render: partial[str]) -> JsonValue:
    if isinstance(value, str):
        return render(value)
    if isinstance(value, dict):
        return {name: _rendered(member, render) for name, member in value.items()}
    if isinstance(value, list):
        return [_rendered(member, render) for member in value]
    return value


def shown_order(view: GuidesView) -> Iterator[tuple[str, bool]]:
    """Yield the keys of a view in order, and whether each waits for nothing."""
    unthrottled = set(view.group.unthrottled) if view.group else set()
    for key in view.sequence:
        yield key, key in unthrottled
