"""Makes a walk of a run that there is not, so that content is rendered as in one that there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from domain.batches.gathered import Actor, Contribution, Gathered, some_actors
from domain.kit.errors import Unavailable
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject, json_row
from domain.kit.principals import EnvironmentScope
from domain.messages.kept_data import kept_data
from domain.previews.requests import ExampleActivity, Viewpoint
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from domain.runs.rows import TakenRun
from domain.runs.statuses import RunStatus
from domain.workflows import WorkflowDefinition
from domain.workflows.steps.batch import DEFAULT_RENDERED, BatchSettings, Order
from models.queries.content.catalog import config_version
from runtime.database import Connection
from services.engine import Engine, Unit
from services.previews.people import see_people, see_preferences
from services.walk.context import Walk
from services.walk.journal import Journal
from services.walk.state import run_state
from templating.limits import Limits

SOURCE = "preview"
# Content that is for nobody, such as a partial, is rendered for a user without an id.
_NOBODY = RecipientRef.user("")


async def imagine_walk(
    engine: Engine,
    connection: Connection,
    environment: EnvironmentScope,
    definition: WorkflowDefinition,
    view: Viewpoint,
    *,
    version_id: UUID | None = None,
    batch: BatchSettings | None = None,
) -> Walk:
    """Return a walk that stands before a step; nothing that it does is stored.

    Args:
        engine: the parts of this process.
        connection: for reading.
        environment: where.
        definition: the workflow that templates see.
        view: whom for.
        version_id: of the workflow, if it has one.
        batch: how the batch before the step gathers; None without one.

    Raises:
        Unavailable: this process lacks the key of a secret variable.
    """
    now = engine.clock()
    version = await config_version(connection, environment.id)
    current = replace(environment, config_version=version)
    configuration = await engine.catalog.current(connection, current)
    if configuration.variables.missing_key is not None:
        raise Unavailable("The key of a secret variable is missing here.")
    people = await see_people(connection, environment.id, view.mentioned(), now)
    taken = await _imagined_run(
        connection,
        environment,
        definition,
        view,
        people,
        version=version,
        version_id=version_id or new_id(),
        now=now,
    )
    data = taken.data or {}
    gathered, patches = None, []
    activities = view.activities
    if batch is not None and activities is None:
        alone = {**data, **(taken.trigger_data or {})}
        activities = (ExampleActivity(alone, view.actor, now),)
    if activities is not None:
        gathered = _gathered(activities, people, batch, now)
        # Whose data comes together is reduced first, as that of items is.
        patches = [kept_data(each.data) for each in activities]
    return Walk(
        unit=Unit(engine, connection, now),
        configuration=configuration,
        definition=definition,
        run=run_state(taken, data, patches, configuration.preferences),
        journal=Journal(taken, now, secrets=configuration.variables.secrets),
        limits=Limits(seconds=engine.settings.liquid_seconds),
        gathered=gathered,
    )


async def _imagined_run(
    connection: Connection,
    environment: EnvironmentScope,
    definition: WorkflowDefinition,
    view: Viewpoint,
    people: dict[RecipientRef, Recipient],
    *,
    version: int,
    version_id: UUID,
    now: datetime,
) -> TakenRun:
    def row(ref: RecipientRef | None) -> JsonObject | None:
        found = people.get(ref) if ref is not None else None
        return None if found is None else json_row(found)

    recipient = view.recipient
    ref = recipient.ref if recipient else _NOBODY
    actor = view.actor.ref if view.actor else None
    tenant = view.tenant.ref if view.tenant else None
    tenant_id = tenant.id if tenant else None
    preferences = None
    if recipient is not None:
        preferences = await see_preferences(connection, environment.id, recipient, tenant_id)
    return TakenRun(
        id=new_id(),
        environment_id=environment.id,
        environment=environment.slug,
        branch_id=environment.branch_id,
        config_version=version,
        workflow_run_id=new_id(),
        workflow_key=definition.key,
        version_id=version_id,
        collection=ref.collection,
        recipient_id=ref.id,
        tenant_id=tenant_id,
        cancellation_key=None,
        status=RunStatus.PROCESSING,
        error_count=0,
        event_count=0,
        step_outcomes={},
        started_at=now,
        accepted_at=now,
        data=view.data,
        trigger_data=recipient.trigger_data if recipient else None,
        through_id=None,
        settings={},
        source={"type": SOURCE},
        actor_collection=actor.collection if actor else None,
        actor_id=actor.id if actor else None,
        recipient=row(ref),
        actor=row(actor),
        tenant=row(tenant),
        preferences=preferences,
    )


def _gathered(
    activities: tuple[ExampleActivity, ...],
    people: dict[RecipientRef, Recipient],
    batch: BatchSettings | None,
    now: datetime,
) -> Gathered:
    """Return what a batch shows of its items: as many as it renders, the first or the last ones."""
    limit = batch.batch_items_render_limit if batch else DEFAULT_RENDERED
    is_last = batch is not None and batch.batch_order is Order.LAST
    refs = [each.actor.ref if each.actor else None for each in activities]
    contributions = [
        Contribution(
            id=new_id(),
            data=each.data,
            actor_ref=ref,
            actor=people.get(ref) if ref else None,
            inserted_at=each.inserted_at or now,
        )
        for each, ref in zip(activities, refs, strict=True)
    ]
    return Gathered(
        batch_id=new_id(),
        contributions=contributions[-limit:] if is_last else contributions[:limit],
        first=contributions[0] if contributions else None,
        actors=[
            Actor(ref, people.get(ref)) for ref in some_actors(refs, limit=limit, last=is_last)
        ],
        is_last=is_last,
        total_activities=len(activities),
        total_actors=len({*refs} - {None}),
    )
