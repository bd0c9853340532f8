"""Whoever enters an audience triggers the workflows that wait for that.

An entry and its triggers are one transaction: the row of the membership decides who entered, so of
several additions at once exactly one triggers (Knock docs: "Triggering workflows by audiences").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from uuid import UUID

from domain.audiences.members import NO_TENANT, Membership
from domain.content.workflow import WORKFLOW
from domain.kit.errors import AppError, Unavailable, Unprocessable
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.recipients.recipients import Recipient
from domain.recipients.refs import TENANTS, RecipientRef
from domain.triggers.requests import MAX_RECIPIENTS, TriggerRequest
from domain.workflows.steps.trigger_workflow import MAX_CHAIN
from models.queries.audiences.members import add_members
from models.queries.content.catalog import config_version
from models.queries.recipients.recipients import upsert_recipients
from models.queries.triggers import accept as statements
from models.queries.triggers.accept import Refusal
from models.queries.triggers.accepted import keep_refused
from runtime.database import Connection, give_way
from runtime.logs import get_logger
from services.channels.inline_data import read_inline_data
from services.engine import Engine, Unit
from services.schedules.zones import follow_zones
from services.triggers.releases import release_trigger
from services.triggers.resolving import draft_of, resolve
from services.triggers.segments import asks_what_they_were, settle_users
from services.waits.changes import ENTER, tell_of_transitions, tell_of_updates

_log = get_logger(__name__)

# A user's properties have up to 256 kB, and all of them are looked at.
_USERS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Cause:
    """Where an entry comes from.

    Attributes:
        chain: how many triggers have led to it, one after the other.
        is_sandbox: whether a run in sandbox mode made it; what it triggers is in that mode, too.
        is_rehearsal: whether a run made it that tries a workflow out; what it triggers does, too.
    """

    chain: int = 0
    is_sandbox: bool = False
    is_rehearsal: bool = False

    def noted(self) -> JsonObject:
        """Return what the source of a trigger says of it."""
        noted: JsonObject = {"chain": self.chain} if self.chain else {}
        return {**noted, "rehearsal": True} if self.is_rehearsal else noted


NOBODYS = Cause()


async def identify(
    unit: Unit,
    environment: EnvironmentScope,
    people: Sequence[InlineRecipient],
    *,
    cause: Cause = NOBODYS,
    holds: bool = False,
) -> None:
    """Store what is said of people, with what follows from it.

    Schedules follow into another zone, runs that wait for a change of theirs are told, and they
    enter and leave audiences.

    Args:
        unit: the transaction.
        environment: where.
        people: of whom something is said; bare references are passed over.
        cause: where entries into audiences come from.
        holds: keep those who do not change from being changed by others, too, and make those who
            are deleted meanwhile again.

    Raises:
        InvalidParams: channel data is not as the provider of its channel takes it, or somebody
            would have more than 256 kB of properties.
        Unprocessable, Unavailable: see `enter`.
    """
    people = await read_inline_data(unit.connection, environment.id, people)
    written = await upsert_recipients(
        unit.connection,
        environment.id,
        people,
        unit.now,
        holds=holds,
        tells_before=await asks_what_they_were(unit, environment, people),
    )
    await follow_zones(unit, environment.id, people)
    await tell_of_updates(unit, environment.id, written.all)
    users = [ref for ref in written.profiles if ref.is_user]
    if users:
        await follow_changes(unit, environment, users, before=written.before, cause=cause)


async def follow_changes(
    unit: Unit,
    environment: EnvironmentScope,
    users: Sequence[RecipientRef],
    *,
    before: Mapping[RecipientRef, Recipient | None],
    cause: Cause = NOBODYS,
) -> None:
    """Let users that the unit has changed, and holds, enter and leave dynamic audiences.

    Args:
        unit: the transaction.
        environment: where.
        users: whom it has changed.
        before: see `settle_users`.
        cause: where entries into audiences come from.

    Raises:
        Unprocessable, Unavailable: see `enter`.
    """
    for start in range(0, len(users), _USERS_AT_ONCE):
        some = users[start : start + _USERS_AT_ONCE]
        for key, entered in (await settle_users(unit, environment, some, before)).items():
            await trigger_entered(unit, environment, key, entered, cause=cause)


async def enter(
    unit: Unit,
    environment: EnvironmentScope,
    audience_key: str,
    memberships: Sequence[Membership],
    *,
    cause: Cause = NOBODYS,
) -> list[Membership]:
    """Add members to an audience as a part of a larger unit; each addition triggers.

    A workflow that cannot be triggered, because its schema refuses the empty data, is passed over
    with a line in the log and a trigger without runs, which can be explained: an addition is never
    refused for it.

    Args:
        unit: whose transaction holds the users, so that none is deleted meanwhile.
        environment: where.
        audience_key: of an audience that is there.
        memberships: who enters.
        cause: where the entries come from.

    Returns:
        Those who were not in it before.

    Raises:
        Unprocessable: `chain_too_long`; nothing was triggered.
        Unavailable: somebody else is in the way; the unit has failed.
    """
    entered = await add_members(
        unit.connection, environment.id, audience_key, memberships, unit.now
    )
    if entered:
        await tell_of_transitions(unit, environment.id, audience_key, ENTER, entered)
        await trigger_entered(unit, environment, audience_key, entered, cause=cause)
    return entered


async def triggered_by(
    engine: Engine, connection: Connection, environment: EnvironmentScope, audience_key: str
) -> list[str]:
    """Return the workflows that an entry triggers, at the version of the environment, or now."""
    version = environment.config_version
    if version is None:
        version = await config_version(connection, environment.id)
    return await engine.catalog.workflows_of_audience(
        connection, environment.id, version, audience_key
    )


async def trigger_entered(
    unit: Unit,
    environment: EnvironmentScope,
    audience_key: str,
    entered: Iterable[Membership],
    *,
    cause: Cause = NOBODYS,
) -> None:
    """Trigger the workflows of an audience for those who have entered it in this unit.

    Raises:
        Unprocessable, Unavailable: see `enter`.
    """
    # What the request has read with its key may be older than what is published now.
    version = await config_version(unit.connection, environment.id)
    where = EnvironmentScope(environment.id, environment.slug, version)
    keys = await triggered_by(unit.engine, unit.connection, where, audience_key)
    if not keys:
        return
    if cause.chain > MAX_CHAIN:
        raise Unprocessable(
            f"triggers may be chained at most {MAX_CHAIN} deep", code="chain_too_long"
        )
    source: JsonObject = {"type": "audience", "audience_key": audience_key, **cause.noted()}
    # What tries a workflow out must not send by another one.
    settings: JsonObject = {"sandbox_mode": True} if cause.is_sandbox else {}
    requests = [
        TriggerRequest(key, recipients, tenant=tenant, settings=settings, source=source)
        for tenant, recipients in grouped(entered)
        for key in keys
    ]
    for request in requests:
        try:
            await _trigger(unit, where, request)
        except Unavailable:
            raise
        except AppError as refusal:
            workflow_run_id = await _keep_refused(unit, where, request, refusal)
            _log.warning(
                "audience_entry_not_triggered",
                audience=audience_key,
                workflow=request.workflow_key,
                reason=refusal.code,
                workflow_run_id=None if workflow_run_id is None else str(workflow_run_id),
            )


async def _trigger(unit: Unit, environment: EnvironmentScope, request: TriggerRequest) -> None:
    """Accept a trigger for users who are stored and held, which therefore stores nobody.

    Raises:
        NotFound, Unprocessable, InvalidParams: see `resolve`; nothing was stored.
        Unavailable: somebody else is in the way; the unit has failed.
    """
    engine, connection = unit.engine, unit.connection
    await give_way(connection)
    resolved = await resolve(engine, connection, environment, request)
    draft = draft_of(engine, environment, request, resolved, workflow_run_id=new_id(), now=unit.now)
    outcome = await statements.accept_trigger(connection, environment.id, draft)
    if isinstance(outcome, Refusal):  # of a claim, which it has not, or of people it describes not
        raise Unavailable("A trigger by an audience entry was refused; try again.")
    release = partial(release_trigger, engine, environment, draft.workflow_run_id, outcome.runs)
    unit.after(partial(release, expands=outcome.expands))


async def _keep_refused(
    unit: Unit, environment: EnvironmentScope, request: TriggerRequest, refusal: AppError
) -> UUID | None:
    """Keep a trigger that its workflow refuses, for whoever asks later why nobody was notified.

    Returns:
        The id by which it is explained; None where the workflow was switched off at this moment.
    """
    configuration = await unit.engine.catalog.current(unit.connection, environment)
    published = configuration.published(WORKFLOW, request.workflow_key)
    if published is None or published.version_id is None:
        return None
    workflow_run_id = new_id()
    await keep_refused(
        unit.connection,
        environment.id,
        request,
        workflow_run_id=workflow_run_id,
        version_id=published.version_id,
        reason=refusal.reasons,
        now=unit.now,
    )
    return workflow_run_id


def grouped(
    entered: Iterable[Membership],
) -> Iterator[tuple[InlineRecipient | None, tuple[InlineRecipient, ...]]]:
    """Yield those who entered as the recipients of triggers, each with its tenant."""
    by_tenant = sorted(entered, key=lambda one: (one.tenant_id, one.user_id))
    for tenant_id, group in groupby(by_tenant, key=lambda one: one.tenant_id):
        tenant = None
        if tenant_id != NO_TENANT:
            # An unknown tenant is made, as any trigger makes it.
            tenant = InlineRecipient(RecipientRef(TENANTS, tenant_id), properties={})
        users = (InlineRecipient(RecipientRef.user(one.user_id)) for one in group)
        while some := tuple(islice(users, MAX_RECIPIENTS)):
            yield tenant, some
