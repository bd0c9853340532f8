"""The statements that accept a trigger."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.ids import recipient_run_id
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from domain.runs.rows import StartableRun
from domain.runs.statuses import RunStatus
from domain.triggers.idempotency import IdempotencyClaim, StoredAnswer
from domain.triggers.requests import TriggerRequest
from models.queries.recipients.recipients import CHANGES, PEOPLE, people_values
from models.queries.runs.first_runs import FIRST_RUN_TABLES
from models.queries.triggers.expansions import FOLLOWED
from models.queries.triggers.first_runs import FIRST_RUNS, REFERENCE
from models.queries.triggers.idempotency import TAKE, TAKE_IF, take_values
from models.sql import Compiled
from runtime.database import Connection

# Everything in one statement: the answer to an Idempotency-Key, the trigger and its runs exist
# together or not at all. A concurrent twin waits at the key, finds it taken, and writes nothing.
# A recipient that was only referred to gets a run if it is stored; the others are noted.
# Planning it takes longer than doing it, so the server should keep one plan for all lists. It would
# plan for the length of each, so they stand in sub-selects; and where EXISTS stood, it would rather
# read all recipients at once than look for a few.
_ACCEPT = """
WITH {people}taken AS ({taken}
), allowed AS (
    SELECT 1 WHERE {settled} AND (%(claim_key)s::text IS NULL OR EXISTS (SELECT FROM taken))
), given AS (
    SELECT given.* FROM allowed, unnest(
        (SELECT %(run_ids)s::uuid[]), (SELECT %(collections)s::text[]),
        (SELECT %(recipient_ids)s::text[]), (SELECT %(trigger_data)s::jsonb[]),
        (SELECT %(stored)s::boolean[]))
        AS given (id, collection, recipient_id, trigger_data, stored)
), known AS (
    SELECT * FROM given WHERE stored OR (
        SELECT true FROM recipients r WHERE r.environment_id = %(environment_id)s
           AND r.collection = given.collection AND r.id = given.recipient_id)
), {first_runs}{followed}accepted AS (
    INSERT INTO workflow_runs
        (id, environment_id, branch_id, workflow_key, version_id, actor_collection, actor_id,
         tenant_id, cancellation_key, data, settings, source, recipient_count, missing_recipients,
         {held_back_column}accepted_at)
    SELECT %(id)s, %(environment_id)s, %(branch_id)s::uuid, %(workflow_key)s, %(version_id)s,
           %(actor_collection)s, %(actor_id)s, %(tenant_id)s, %(cancellation_key)s, %(data)s,
           %(settings)s, %(source)s,
           (SELECT count(*) FROM {chosen}),
           (SELECT {references} FROM given WHERE id NOT IN (SELECT id FROM known)),
           {held_back}%(now)s
    FROM allowed
    RETURNING id
), owed AS (
    INSERT INTO trigger_releases
        (workflow_run_id, environment_id, accepted_at, due_at, attempts, fanout)
    SELECT %(id)s, %(environment_id)s, now(), now() + %(release_within)s, 0, 1
    FROM allowed WHERE EXISTS (SELECT FROM {chosen}) OR {expands}
), made AS (
    INSERT INTO recipient_runs
        (id, environment_id, workflow_run_id, workflow_key, version_id, collection, recipient_id,
         tenant_id, cancellation_key, trigger_data, status, error_count, event_count,
         step_outcomes, inserted_at, updated_at)
    SELECT id, %(environment_id)s, %(id)s, %(workflow_key)s, %(version_id)s, collection,
           recipient_id, %(tenant_id)s, %(cancellation_key)s, trigger_data, '{queued}', 0, 0,
           '{{}}', %(now)s, %(now)s
    FROM {chosen}
    RETURNING id, recipient_id
)
{answer}
"""
_CHOSEN = """{first_runs}, chosen AS (
    SELECT * FROM known WHERE id IN (SELECT recipient_run_id FROM first_runs_taken)
), """
_REFERENCES = f"jsonb_agg({REFERENCE})"
# The column stands only where it is set, so that other triggers are taken by the schema before it.
_HELD_BACK = f"""(SELECT {_REFERENCES} FROM known WHERE id NOT IN (SELECT id FROM chosen)),
           """  # noqa: S608 - fixed text
# Accepts only where nobody who is described would change, as most would not. Nobody is locked:
# triggers that name the same tenant would queue for it. Who is described by nothing, as most
# tenants are, is stored when missing: whoever stores the same at this moment says at least as much.
_DESCRIBED = f"""described AS (
    SELECT given.collection, given.id,
           given.properties = '{{}}' AND given.settings IS NULL AND given.created_at IS NULL
               AS is_bare,
           (SELECT NOT {CHANGES.format(new="given", settings="stored.settings")}
            FROM recipients stored
            WHERE stored.environment_id = %(environment_id)s
              AND stored.collection = given.collection AND stored.id = given.id) AS is_unchanged
    FROM {PEOPLE}
), settled AS (
    SELECT NOT EXISTS (SELECT FROM described WHERE NOT coalesce(is_unchanged, is_bare))
           AND (%(named_actor)s::text IS NULL OR EXISTS (
                SELECT FROM recipients r WHERE r.environment_id = %(environment_id)s
                   AND r.collection = %(actor_collection)s AND r.id = %(named_actor)s))
           AS is_settled
), """  # noqa: S608 - fixed text
_ANSWER_SETTLED = """
, bare AS (
    INSERT INTO recipients (environment_id, collection, id, properties, inserted_at, updated_at)
    SELECT %(environment_id)s, described.collection, described.id, '{{}}', %(now)s, %(now)s
    FROM allowed, described WHERE is_unchanged IS NULL
    ORDER BY 2, 3
    ON CONFLICT (environment_id, collection, id) DO NOTHING
)
SELECT is_settled, accepted.id IS NOT NULL AS is_accepted, {expands} AS expands, made.*
FROM settled LEFT JOIN accepted ON true LEFT JOIN made ON true"""
_ANSWER = """
SELECT true AS is_settled, true AS is_accepted, {expands} AS expands, made.*
FROM accepted LEFT JOIN made ON true"""


@cache
def _statement(*, settles: bool, once_in: str | None, follows: bool) -> Compiled:
    """Write the statement, without what this kind of trigger has no need of.

    Args:
        settles: whether it accepts only if nobody who is described would change.
        once_in: the table of first runs that lets each recipient in once; None lets all of them in.
        follows: whether it may reach those who follow its recipients.
    """
    first_runs = ""
    if once_in is not None:
        first_runs = _CHOSEN.format(first_runs=FIRST_RUNS.format(table=once_in, given="known"))
    expands = "EXISTS (SELECT FROM roots)" if follows else "false"
    answer = _ANSWER_SETTLED if settles else _ANSWER
    is_settled = "(SELECT is_settled FROM settled)" if settles else "true"
    return Compiled(
        _ACCEPT.format(
            queued=RunStatus.QUEUED,
            references=_REFERENCES,
            held_back_column="held_back_recipients, " if first_runs else "",
            held_back=_HELD_BACK if first_runs else "",
            people=_DESCRIBED if settles else "",
            taken=TAKE_IF.format(condition=is_settled) if settles else TAKE,
            settled=is_settled,
            first_runs=first_runs,
            chosen="chosen" if first_runs else "known",
            followed=FOLLOWED if follows else "",
            expands=expands,
            answer=answer.format(expands=expands),
        )
    )


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was stored of a trigger.

    Attributes:
        runs: of the recipients that it names.
        expands: whether there are others to make, of those who follow its recipients.
    """

    runs: list[StartableRun]
    expands: bool = False


class Refusal(Enum):
    """Why a statement has accepted nothing, and stored nothing."""

    KEY_TAKEN = "key_taken"
    UNSETTLED = "unsettled"


@dataclass(frozen=True, slots=True)
class TriggerDraft:
    """A trigger on its way to be accepted.

    Attributes:
        environment: slug of where it happens.
        branch_id: the branch whose content it runs, or None.
        people: whom it describes, as `models.queries.recipients.recipients.described` returns them.
        claim: its `Idempotency-Key`, if it has one.
        workflow_run_id: its id.
        now: the instant it happens.
        version_id: what its runs walk through.
        first_run_for: the id of the tenant, or `ANY_TENANT`, for which a recipient has one run
            only; None when each trigger makes one.
        release_within: after which time the sweep releases it, unless it is released by then.
    """

    environment: str
    request: TriggerRequest
    people: list[InlineRecipient]
    claim: IdempotencyClaim | None
    workflow_run_id: UUID
    now: datetime
    version_id: UUID
    first_run_for: str | None
    release_within: timedelta
    branch_id: UUID | None = None

    @property
    def answer(self) -> StoredAnswer:
        """Return what a repetition of the request will be answered."""
        request_id = self.claim.request_id if self.claim else ""
        return StoredAnswer(200, {"workflow_run_id": str(self.workflow_run_id)}, request_id)

    @property
    def may_expand(self) -> bool:
        """Tell whether it reaches those who follow its recipients, if anybody does."""
        request = self.request
        return request.reaches_followers and not all(one.ref.is_user for one in request.recipients)

    @property
    def tenant_id(self) -> str | None:
        """Return the id of the tenant, if there is one."""
        return self.request.tenant.ref.id if self.request.tenant else None

    def run(self, environment_id: UUID, run_id: UUID, recipient_id: str) -> StartableRun:
        """Return one of its runs, as Temporal is told of it."""
        return StartableRun(
            id=run_id,
            environment=self.environment,
            workflow_key=self.request.workflow_key,
            environment_id=environment_id,
            workflow_run_id=self.workflow_run_id,
            recipient_id=recipient_id,
            tenant_id=self.tenant_id,
            cancellation_key=self.request.cancellation_key,
        )


async def accept_trigger(
    connection: Connection, environment_id: UUID, draft: TriggerDraft
) -> Accepted | Refusal:
    """Store a trigger and its runs in state `queued`.

    Args:
        connection: in a transaction or not; the statement is one by itself.
        environment_id: where.
        draft: the trigger.

    Returns:
        What was stored; or why nothing was: the key was taken before, or somebody has to be stored
        or refused first. Who is described by nothing is stored here.
    """
    return await _accept(connection, environment_id, draft, is_prepared=False)


async def accept_prepared(
    connection: Connection, environment_id: UUID, draft: TriggerDraft
) -> Accepted:
    """Store a trigger as `accept_trigger` does, which nothing can refuse any more.

    Args:
        connection: in a transaction that has taken the key and stored the people.
        environment_id: where.
        draft: the trigger.
    """
    match await _accept(connection, environment_id, draft, is_prepared=True):
        case Accepted() as accepted:
            return accepted
        case Refusal() as refusal:
            raise LookupError(f"a prepared trigger was refused: {refusal.value}")


async def _accept(
    connection: Connection, environment_id: UUID, draft: TriggerDraft, *, is_prepared: bool
) -> Accepted | Refusal:
    request, workflow_run_id = draft.request, draft.workflow_run_id
    actor = request.actor.ref if request.actor else None
    known = {entry.ref for entry in draft.people}
    settles = not is_prepared and (actor is not None or bool(known))
    claim = None if is_prepared else draft.claim
    once_in = None
    if draft.first_run_for is not None:
        once_in = FIRST_RUN_TABLES[request.is_sandboxed]
    statement = _statement(settles=settles, once_in=once_in, follows=draft.may_expand)
    cursor = await statement.execute(
        connection,
        {
            **take_values(environment_id, claim, answer=draft.answer, now=draft.now),
            "id": workflow_run_id,
            "release_within": draft.release_within,
            "workflow_key": request.workflow_key,
            "branch_id": draft.branch_id,
            "content_id": draft.branch_id or environment_id,
            "version_id": draft.version_id,
            "first_run_for": draft.first_run_for,
            "actor_collection": actor.collection if actor else None,
            "actor_id": actor.id if actor else None,
            "tenant_id": draft.tenant_id,
            "cancellation_key": request.cancellation_key,
            "data": Jsonb(request.data),
            "settings": Jsonb(request.settings),
            "source": Jsonb(request.source),
            **_runs(workflow_run_id, request.recipients, known),
            "named_actor": None if actor is None or actor in known else actor.id,
            **(people_values(draft.people) if settles else {}),
        },
    )
    rows = await cursor.fetchall()
    if not rows or not rows[0]["is_accepted"]:
        is_settled = not rows or rows[0]["is_settled"]
        return Refusal.KEY_TAKEN if is_settled else Refusal.UNSETTLED
    # A trigger without runs is answered with one row of nulls.
    runs = [
        draft.run(environment_id, row["id"], row["recipient_id"])
        for row in rows
        if row["id"] is not None
    ]
    return Accepted(runs, expands=rows[0]["expands"])


def _runs(
    workflow_run_id: UUID, recipients: Sequence[InlineRecipient], known: Set[RecipientRef]
) -> dict[str, list[Any]]:
    """Return the columns of what may become runs: of those who are stored, or will be."""
    refs = [entry.ref for entry in recipients]
    own_data = [entry.trigger_data for entry in recipients]
    return {
        "run_ids": [recipient_run_id(workflow_run_id, ref.gid) for ref in refs],
        "collections": [ref.collection for ref in refs],
        "recipient_ids": [ref.id for ref in refs],
        "trigger_data": [None if data is None else Jsonb(data) for data in own_data],
        "stored": [ref in known for ref in refs],
    }
