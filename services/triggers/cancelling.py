"""Accept a cancel: one transaction, and only then Temporal."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from domain.kit.ids import new_id
from domain.kit.principals import EnvironmentScope
from domain.triggers.requests import CancelRequest
from models.queries.triggers import cancellations
from services.content.published import require_workflow
from services.engine import Engine
from services.triggers.releases import release_cancellation


async def cancel(engine: Engine, environment: EnvironmentScope, request: CancelRequest) -> None:
    """Cancel the open runs of a cancellation key (Knock docs: "Canceling workflows").

    It holds for every trigger that was accepted before it, started or not; none of those runs has
    an effect after this returns. Messages already made are untouched.

    Raises:
        NotFound: `workflow_missing`.
    """
    cancellation_id = new_id()
    async with engine.unit() as unit:
        await require_workflow(engine, unit.connection, environment, request.workflow_key)
        runs = await cancellations.cancel_runs(
            unit.connection,
            environment.id,
            branch_id=environment.branch_id,
            cancellation_id=cancellation_id,
            workflow_key=request.workflow_key,
            cancellation_key=request.cancellation_key,
            recipients=request.recipients,
            now=unit.now,
            release_within=timedelta(seconds=engine.settings.sweep_seconds),
        )
        if runs:
            release = partial(release_cancellation, engine, environment, cancellation_id)
            unit.after(partial(release, run_count=len(runs)))
