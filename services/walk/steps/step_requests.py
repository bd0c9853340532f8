"""The request of a fetch step: its own, or a reusable one and what the step gives to it.

Source: Knock docs, "Fetch function" ("Reusable fetch functions").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from domain.conditions import ConditionGroup
from domain.content.reusable_request import REUSABLE_REQUEST, ReusableRequest
from domain.kit.json_types import JsonObject
from domain.runs.events import RunEventType
from domain.workflows.steps.http_fetch import HttpFetchStep
from domain.workflows.steps.http_request import HttpRequest
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.steps.inputs import give_inputs

# What a step records of the request that it has sent.
VERSION = "request_version"


@dataclass(frozen=True, slots=True)
class StepRequest:
    """What a step has sent.

    Attributes:
        settings: the request.
        key: of the reusable request; None for one of the step's own.
        version_id: which version of the reusable request is sent; None for a draft.
        schema: of what it is given, or None.
        conditions: of the reusable request, beside those of the step, or None.
    """

    settings: HttpRequest
    key: str | None = None
    version_id: UUID | None = None
    schema: JsonObject | None = None
    conditions: ConditionGroup | None = None

    def named(self) -> JsonObject:
        """Return how events name it: nothing for a step's own."""
        return {} if self.key is None else {"reusable_request": self.key}

    def kept(self) -> JsonObject:
        """Return what a step records of it."""
        return {} if self.version_id is None else {VERSION: str(self.version_id)}

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Name a reusable request in what the block finds wrong: its author is to look there."""
        try:
            yield
        except ContentError as error:
            if self.key is None:
                raise
            raise ContentError(
                error.kind,
                f"reusable request {self.key!r}: {error.text}",
                is_final=error.is_final,
                place={**error.place, **self.named()},
            ) from error.__cause__


async def allowed_request(walk: Walk, step: HttpFetchStep) -> StepRequest | None:
    """Return the request of a step that is reached, or None where conditions keep it from that.

    Templates and the request's own conditions see its inputs from here on.

    Raises:
        ContentError: conditions, inputs, or what the step names are broken.
    """
    if not await walk.allows(step):
        return None
    request = await request_of(walk, step)
    with request.blamed():
        await take_inputs(walk, step.settings.inputs, request)
        verdict = await walk.judge(request.conditions)
    if verdict is None:
        return request
    told = {"passed": verdict.passed, "conditions": verdict.trace, **request.named()}
    walk.journal.tell(RunEventType.STEP_CONDITIONS_EVALUATED, step=step, data=told)
    return request if verdict.passed else None


async def request_of(walk: Walk, step: HttpFetchStep) -> StepRequest:
    """Return the request of a step; of a reusable one what is published now.

    Raises:
        ContentError: it names one that is not published, or cannot be read.
    """
    key = step.settings.reusable_request_key
    if key is None:
        return StepRequest(step.settings)
    published = walk.configuration.published(REUSABLE_REQUEST, key)
    if published is None or published.version_id is None:
        raise ContentError("request", f"there is no published reusable request {key!r}")
    return await _version(walk, key, published.version_id)


async def request_sent(walk: Walk, step: HttpFetchStep, kept: JsonObject) -> StepRequest:
    """Return the request that a step has had sent; it may have been published anew since.

    Raises:
        ContentError: it cannot be read.
    """
    key = step.settings.reusable_request_key
    if key is None or VERSION not in kept:
        return StepRequest(step.settings)
    return await _version(walk, key, UUID(kept[VERSION]))


async def _version(walk: Walk, key: str, version_id: UUID) -> StepRequest:
    found = await walk.unit.engine.catalog.compiled(
        walk.unit.connection, REUSABLE_REQUEST, version_id
    )
    return reusable(found, version_id)


def reusable(found: ReusableRequest, version_id: UUID | None) -> StepRequest:
    """Return a reusable request as a step would have it sent. Raises ContentError."""
    if found.settings is None:
        text = f"this version cannot read the reusable request {found.key!r}: {found.problem}"
        raise ContentError("request", text, is_final=True)
    schema = found.settings.data_input_schema
    return StepRequest(found.settings, found.key, version_id, schema, found.conditions)


async def take_inputs(walk: Walk, written: JsonObject | None, request: StepRequest) -> None:
    """Render what a reusable request is given; one of a step's own is given nothing.

    Raises:
        ContentError: see `give_inputs`.
    """
    if request.key is not None:
        await give_inputs(walk, written, request.schema, request.version_id)
