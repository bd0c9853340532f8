"""What is answered about a try of content."""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from api.admin.schemas.what_if_audiences import AudiencesOut
from domain.kit.answers import Moment, Out
from domain.recipients.answers import Reference, reference
from domain.what_if.differences import Change, Difference, Kind, RehearsedMessage
from domain.what_if.findings import Findings, Note
from domain.what_if.guides import GuideDifference, GuideFindings
from domain.what_if.rows import PendingContent
from services.what_if.trying import WhatIf


class TriedContentOut(Out):
    """A piece of content that is not published here."""

    resource_type: str
    resource_id: str

    @classmethod
    def of(cls, content: PendingContent) -> Self:
        """Name it."""
        return cls(resource_type=content.resource_type, resource_id=content.key)


class WalkedRunsOut(Out):
    """How many runs were walked, with how many something differs, and of how many not all is known.

    `unfinished` were given up when the time was over, or the room for what waiting runs say;
    `has_older` tells whether there are older ones than were asked for.
    """

    walked: int
    changed: int
    unknown: int
    unfinished: int
    has_older: bool


class MessageFiguresOut(Out):
    """How many messages there are without and with the content, and how many differ and how."""

    before: int
    after: int
    added: int
    dropped: int
    changed: int
    unknown: int


class StepFiguresOut(Out):
    """How many messages of a step differ, and how."""

    workflow: str
    step_ref: str
    added: int
    dropped: int
    changed: int
    unknown: int


class UnknownOut(Out):
    """Where walks had to stop, because what follows would take an effect outside."""

    workflow: str
    step_ref: str
    reason: str
    runs: int


class EffectOut(Out):
    """How often a step would change something outside its run; nothing of it was done."""

    workflow: str
    step_ref: str
    step_type: str
    before: int
    after: int


class RefusedOut(Out):
    """How often there would be no run at all, and why; of a broadcast the workflow is its key."""

    workflow: str
    reason: str
    before: int
    after: int


class NoteOut(Out):
    """What of the runs, or of a script, is left out, and why."""

    place: str
    message: str

    @classmethod
    def of(cls, note: Note) -> Self:
        """Write a note."""
        return cls(place=note.place, message=note.message)


class RehearsedMessageOut(Out):
    """A message as it would be made.

    The content is left out where `changes` tell what differs, and with `content_left_out`.
    """

    at: Moment
    status: str
    content: dict[str, Any] | None

    @classmethod
    def of(cls, message: RehearsedMessage | None) -> Self | None:
        """Write a message, if there is one."""
        if message is None:
            return None
        return cls(at=message.at, status=message.status, content=message.shown)


class ChangeOut(Out):
    """What differs at a place of the content, such as `blocks[0].rendered`."""

    place: str
    before: Any
    after: Any

    @classmethod
    def of(cls, change: Change) -> Self:
        """Write a change."""
        return cls(place=change.place, before=change.before, after=change.after)


class DifferenceOut(Out):
    """A message that is added, dropped or changed; `unknown` when nobody can say whether it is.

    `content_left_out` tells that what it says, or what differs in that, had no room in the answer.
    """

    kind: Kind
    run_id: UUID
    workflow: str
    recipient: Reference
    tenant: str | None
    step_ref: str
    channel: str
    channel_type: str
    before: RehearsedMessageOut | None
    after: RehearsedMessageOut | None
    changes: list[ChangeOut]
    content_left_out: bool
    reason: str | None

    @classmethod
    def of(cls, found: Difference) -> Self:
        """Write a difference."""
        message = found.message
        return cls(
            kind=found.kind,
            run_id=found.run.id,
            workflow=found.run.workflow_key,
            recipient=reference(found.run.recipient),
            tenant=found.run.tenant_id,
            step_ref=message.step_ref,
            channel=message.channel_key,
            channel_type=message.channel_type,
            before=RehearsedMessageOut.of(found.before),
            after=RehearsedMessageOut.of(found.after),
            changes=[ChangeOut.of(each) for each in found.changes],
            content_left_out=found.is_cut,
            reason=found.reason,
        )


class GuideDifferenceOut(Out):
    """A guide that somebody would see from now on, or no more, or that says something else.

    What it says is left out where `changes` tell what differs, and with `content_left_out`.
    """

    kind: Kind
    guide: str
    user: str
    tenant: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    changes: list[ChangeOut]
    content_left_out: bool
    reason: str | None

    @classmethod
    def of(cls, found: GuideDifference) -> Self:
        """Write a difference."""
        return cls(
            kind=found.kind,
            guide=found.guide_key,
            user=found.viewer_id,
            tenant=found.tenant_id,
            before=found.before,
            after=found.after,
            changes=[ChangeOut.of(each) for each in found.changes],
            content_left_out=found.is_cut,
            reason=found.reason,
        )


class GuideFiguresOut(Out):
    """By how many a guide is seen without and with the content, and how many differ and how.

    `active` tells whether it is switched on here: one that is tried is judged as if it were.
    """

    guide: str
    active: bool
    before: int
    after: int
    added: int
    dropped: int
    changed: int


class GuidesOut(Out):
    """Who would see which guide.

    `unfinished` users were given up when the time was over; `has_more` tells whether there are
    more users than were asked for.
    """

    users: int
    changed: int
    unfinished: int
    has_more: bool
    figures: list[GuideFiguresOut]
    differences: list[GuideDifferenceOut]
    differences_left_out: int

    @classmethod
    def of(cls, found: GuideFindings) -> Self:
        """Write what was found."""
        return cls(
            users=found.viewers,
            changed=found.viewers_changed,
            unfinished=found.viewers_unfinished,
            has_more=found.has_more_viewers,
            figures=[
                GuideFiguresOut(
                    guide=key,
                    active=each.is_active,
                    before=each.before,
                    after=each.after,
                    added=each.kinds[Kind.ADDED],
                    dropped=each.kinds[Kind.DROPPED],
                    changed=each.kinds[Kind.CHANGED],
                )
                for key, each in sorted(found.guides.items())
            ],
            differences=[GuideDifferenceOut.of(each) for each in found.differences],
            differences_left_out=found.total - len(found.differences),
        )


class WhatIfOut(Out):
    """What would change if the content were published. Nothing was sent, and nothing stored."""

    environment: str
    from_environment: str | None
    from_branch: str | None
    content: list[TriedContentOut]
    content_left_out: list[TriedContentOut]
    runs: WalkedRunsOut
    messages: MessageFiguresOut
    steps: list[StepFiguresOut]
    unknown: list[UnknownOut]
    effects: list[EffectOut]
    refused: list[RefusedOut]
    notes: list[NoteOut]
    audiences: AudiencesOut | None
    guides: GuidesOut | None
    differences: list[DifferenceOut]
    differences_left_out: int
    contents_left_out: int
    seconds: float

    @classmethod
    def of(cls, found: WhatIf) -> Self:
        """Write what a try has found."""
        findings = found.findings
        return cls(
            environment=found.environment,
            from_environment=found.from_environment,
            from_branch=found.from_branch,
            content=[TriedContentOut.of(each) for each in found.content],
            content_left_out=[TriedContentOut.of(each) for each in found.left_out],
            runs=WalkedRunsOut(
                walked=findings.runs,
                changed=findings.runs_changed,
                unknown=sum(findings.unknown.values()),
                unfinished=found.runs_unfinished,
                has_older=found.has_older_runs,
            ),
            messages=MessageFiguresOut(
                before=findings.before,
                after=findings.after,
                **{kind.value: findings.kinds[kind] for kind in Kind},
            ),
            steps=[
                StepFiguresOut(
                    workflow=workflow,
                    step_ref=step_ref,
                    **{kind.value: kinds[kind] for kind in Kind},
                )
                for (workflow, step_ref), kinds in sorted(findings.steps.items())
            ],
            unknown=_unknown(findings),
            effects=[
                EffectOut(
                    workflow=workflow,
                    step_ref=step_ref,
                    step_type=step_type,
                    before=before,
                    after=after,
                )
                for (workflow, step_ref, step_type), (before, after) in findings.effects.items()
            ],
            refused=[
                RefusedOut(workflow=workflow, reason=reason, before=before, after=after)
                for (workflow, reason), (before, after) in sorted(findings.refused.items())
            ],
            notes=[NoteOut.of(each) for each in found.notes],
            audiences=None if found.audiences is None else AudiencesOut.of(found.audiences),
            guides=None if found.guides is None else GuidesOut.of(found.guides),
            differences=[DifferenceOut.of(each) for each in findings.differences],
            differences_left_out=findings.total - len(findings.differences),
            contents_left_out=findings.cut,
            seconds=round(found.seconds, 3),
        )


def _unknown(findings: Findings) -> list[UnknownOut]:
    return [
        UnknownOut(workflow=workflow, step_ref=step_ref, reason=reason, runs=runs)
        for (workflow, step_ref, reason), runs in findings.unknown.most_common()
    ]
