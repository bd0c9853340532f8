"""Wire shapes of sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from api.kit.answers import PageEndsOut
from domain.kit.answers import LeftOut, Moment, Out
from domain.kit.clock import iso
from domain.sources.rows import (
    REHEARSED,
    ActionRow,
    KnownEvent,
    SourceEnvironment,
    SourceFigures,
    SourceLog,
)
from services.sources.sources import SourceView

RECEIVE_PATH = "/v1/integrations/receive"


class SourceSettingsOut(Out):
    """How a source works in one environment; its secret is not shown."""

    endpoint: str
    enforce_verification: bool
    enforce_idempotency: bool
    event_type_path: str | None
    idempotency_key_path: str | None
    timestamp_path: str | None
    handle_identifies: None
    preprocess_script: None
    verification: dict[str, Any] | None = Field(
        description="How the source signs its events; null if it does not."
    )


class MappingOut(Out):
    """What is done for an event."""

    event_type: str
    action_type: str
    action_parameters: dict[str, Any] | None
    conditions: dict[str, Any] | None
    active: bool
    is_deleted: Literal[False]
    created_at: str
    updated_at: str


class SourceEnvironmentOut(Out):
    """A source in one environment."""

    updated_at: Moment
    settings: SourceSettingsOut
    mappings: list[MappingOut]

    @classmethod
    def of(cls, row: SourceEnvironment, origin: str) -> Self:
        """Write it; `origin` is where this API is reached, without a slash at the end."""
        settings = row.settings
        return cls(
            updated_at=row.updated_at,
            settings=SourceSettingsOut(
                endpoint=f"{origin}{RECEIVE_PATH}/{row.endpoint_id}",
                enforce_verification=bool(settings.get("enforce_verification")),
                enforce_idempotency=bool(settings.get("idempotency_key_path")),
                event_type_path=settings.get("event_type_path"),
                idempotency_key_path=settings.get("idempotency_key_path"),
                timestamp_path=settings.get("timestamp_path"),
                handle_identifies=None,
                preprocess_script=None,
                verification=row.verification,
            ),
            mappings=[
                MappingOut(
                    event_type=each["event_type"],
                    action_type=each["action_type"],
                    action_parameters=each.get("action_parameters"),
                    conditions=each.get("conditions"),
                    active=each.get("active", True),
                    is_deleted=False,
                    created_at=each.get("created_at") or iso(row.updated_at) or "",
                    updated_at=each.get("updated_at") or iso(row.updated_at) or "",
                )
                for each in row.mappings
            ],
        )


def _environments(view: SourceView, origin: str) -> dict[str, SourceEnvironmentOut]:
    return {row.environment: SourceEnvironmentOut.of(row, origin) for row in view.environments}


class SourceOut(Out):
    """A source with how it works in each environment."""

    key: str
    name: str
    description: str | None
    custom_image_url: str | None
    environment_settings: dict[str, SourceEnvironmentOut]
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: SourceView, origin: str) -> Self:
        """Write a source."""
        source = view.source
        return cls(
            key=source.key,
            name=source.name,
            description=source.description,
            custom_image_url=source.custom_image_url,
            environment_settings=_environments(view, origin),
            created_at=source.inserted_at,
            updated_at=source.updated_at,
        )


class SourceBodyOut(Out):
    """The source as it is now."""

    source: SourceOut


class SourceSummaryOut(Out):
    """A source in a list; Knock's CLI reads its instants, though Knock's document has none."""

    key: str
    name: str
    description: str | None
    custom_image_url: str | None
    environment_settings: LeftOut[dict[str, SourceEnvironmentOut]] = None
    created_at: Moment
    updated_at: Moment

    @classmethod
    def of(cls, view: SourceView, origin: str | None) -> Self:
        """Write a source; with its settings when an origin is given."""
        source = view.source
        return cls(
            key=source.key,
            name=source.name,
            description=source.description,
            custom_image_url=source.custom_image_url,
            environment_settings=None if origin is None else _environments(view, origin),
            created_at=source.inserted_at,
            updated_at=source.updated_at,
        )


class SourcesOut(Out):
    """All sources, as a page that has no other beside it: Knock's CLI asks where it ends."""

    entries: list[SourceSummaryOut]
    page_info: PageEndsOut

    @classmethod
    def of(cls, views: Sequence[SourceView], origin: str | None) -> Self:
        """Write sources; with their settings when an origin is given."""
        return cls(
            entries=[SourceSummaryOut.of(view, origin) for view in views],
            page_info=PageEndsOut(after=None, before=None, page_size=len(views)),
        )


class KnownEventOut(Out):
    """A name under which a source has sent events."""

    event: str
    last_received_at: Moment


class KnownEventsOut(Out):
    """All names under which a source has sent events."""

    entries: list[KnownEventOut]

    @classmethod
    def of(cls, rows: Sequence[KnownEvent]) -> Self:
        """Write them."""
        return cls(
            entries=[
                KnownEventOut(event=row.event, last_received_at=row.last_received_at)
                for row in rows
            ]
        )


class ActionOut(Out):
    """An action that was taken for an event."""

    id: UUID
    action_type: str
    action_parameters: dict[str, Any] | None
    action_payload: dict[str, Any] | None
    action_status: Literal["ok", "error", "skipped"]
    action_result: dict[str, Any] | None
    inserted_at: Moment

    @classmethod
    def of(cls, row: ActionRow) -> Self:
        """Write an action."""
        return cls(
            id=row.id,
            action_type=row.action_type,
            action_parameters=row.parameters,
            action_payload=row.payload,
            action_status=row.status,
            action_result=row.result,
            inserted_at=row.inserted_at,
        )


class SourceLogOut(Out):
    """An event that a source has sent."""

    id: UUID
    event: str
    source: str | None = Field(
        description="`rehearsal` for an event that was tried out; null for one that was sent."
    )
    data: dict[str, Any]
    preprocess_output: None = None
    verification_status: str
    inserted_at: Moment
    actions: LeftOut[list[ActionOut]] = None

    @classmethod
    def of(cls, log: SourceLog) -> Self:
        """Write an event."""
        event = log.event
        return cls(
            id=event.id,
            event=event.event,
            source=REHEARSED if event.verification_status == REHEARSED else None,
            data=event.body,
            verification_status=event.verification_status,
            inserted_at=event.inserted_at,
            actions=None if log.actions is None else [ActionOut.of(row) for row in log.actions],
        )


class SourceStatusOut(Out):
    """What a source has sent lately. Mappings take effect at once, so none waits for a commit."""

    events_count: int
    last_event_received: Moment | None
    mappings_count: int
    mappings_requiring_commit: list[dict[str, Any]] = Field(max_length=0)

    @classmethod
    def of(cls, figures: SourceFigures, mappings: int) -> Self:
        """Write figures."""
        return cls(
            events_count=figures.events_count,
            last_event_received=figures.last_event_received,
            mappings_count=mappings,
            mappings_requiring_commit=[],
        )


class RehearsalErrorOut(Out):
    """What was wrong with an action, or with a parameter of it."""

    field: str
    message: str

    @classmethod
    def of(cls, row: ActionRow) -> list[Self]:
        """Write what was wrong with an action that was refused."""
        reason = row.result or {}
        place = f"actions[{row.position}]"
        found = reason.get("errors") or [{"field": "", "message": str(reason.get("message"))}]
        return [
            cls(
                field=".".join(filter(None, (place, error["field"]))),
                message=error["message"],
            )
            for error in found
        ]


class RehearsalOut(Out):
    """What came of an event that was tried out."""

    log_id: UUID
    status: Literal["ok", "error"]
    action_logs_count: int
    successful_action_logs_count: int
    failed_action_logs_count: int
    errors: list[RehearsalErrorOut] | None = Field(
        description="Errors of the actions that were refused; null if there are none."
    )

    @classmethod
    def of(cls, event_id: UUID, taken: Sequence[ActionRow]) -> Self:
        """Write what came of it."""
        failures = [row for row in taken if row.status == "error"]
        failed = len(failures)
        return cls(
            log_id=event_id,
            status="error" if failed else "ok",
            action_logs_count=len(taken),
            successful_action_logs_count=len(taken) - failed,
            failed_action_logs_count=failed,
            errors=[each for row in failures for each in RehearsalErrorOut.of(row)] or None,
        )
