"""Why a run did what it did, in sentences: one for each event of its story."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.kit.clock import in_words
from domain.kit.json_types import JsonObject, JsonValue
from domain.recipients.refs import RecipientRef
from domain.runs.events import RunEventType
from domain.runs.rows import RunEvent

_Sentence = Callable[[JsonObject], str]

# What a run's end is kept as, and what it means to people.
_REASONS: Mapping[str, str] = {
    "workflow_inactive": "the workflow is inactive or no longer exists",
    "recipient_missing": "the recipient is no longer stored",
    "trigger_conditions_not_met": "the workflow's conditions are not met",
    "trigger_conditions_broken": "the workflow's conditions cannot be evaluated",
    "batched": "its item joined a batch that another run carries",
    "batch_empty": "nothing was left in its batch",
    "batch_missing": "its batch is gone",
    "throttled": "a throttle step stopped it",
    "branch_terminated": "the branch that it took ends the run",
    "step_missing": "the next step is no longer in the workflow",
    "step_failed": "a step failed for good",
    "cancel_requested": "a cancel was requested",
    "dropped": "an operator dropped it",
    "cancelled_in_temporal": "it was cancelled in Temporal",
    "ended_in_temporal": "it was ended in Temporal",
    "recipient_deleted": "the recipient was deleted",
    "recipient_merged": "the recipient was merged into another user",
    "wait_matched": "the event that it waited for came",
    "wait_timed_out": "the event that it waited for did not come in time",
    "unknown_to_temporal": "Temporal no longer knows it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedLine:
    """A sentence of an explanation; `step_ref` is None for what is about the whole run."""

    at: datetime
    step_ref: str | None
    text: str


def explain_story(story: Sequence[RunEvent]) -> list[ExplainedLine]:
    """Say what each event of a story means, in order."""
    return [
        ExplainedLine(at=event.inserted_at, step_ref=event.step_ref, text=sentence_of(event))
        for event in story
    ]


def sentence_of(event: RunEvent) -> str:
    """Say what an event means; one that only a newer version knows is named."""
    try:
        write = SENTENCES[RunEventType(event.event)]
    except (ValueError, KeyError):
        return f"{event.event.replace('_', ' ')}."
    return write(event.data)


def _why(data: JsonObject) -> str:
    reason = str(data.get("reason") or "no reason is known")
    text = _REASONS.get(reason, reason.replace("_", " "))
    return f"{text}: {data['error']}" if data.get("error") else text


def _conditions(data: JsonObject) -> str:
    """Write the conditions that decided, as they were judged."""
    told = []
    for each in data.get("conditions") or ():
        if isinstance(each, dict) and each.get("result") in ("true", "false", True, False):
            told.append(
                f"{each.get('variable')} {str(each.get('operator', '')).replace('_', ' ')}"
                f" {_shown(each.get('argument'))} is {str(each.get('result')).lower()}"
                f" (the value is {_shown(each.get('variable_value'))})"
            )
    return "; ".join(told)


def _shown(value: JsonValue) -> str:
    """Write a value of somebody's data: what is not a string as JSON has it."""
    if value is None:
        return "nothing"
    return repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _counted(number: object, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _judged(what: str) -> _Sentence:
    def write(data: JsonObject) -> str:
        if "passed" not in data:
            return _ended(f"{what} could not be evaluated: {_why(data)}")
        verdict = "are met" if data["passed"] else "are not met"
        trace = _conditions(data)
        return f"{what} {verdict}{': ' + trace if trace else ''}."

    return write


def _plain(text: str) -> _Sentence:
    return lambda data: text


def _reasoned(text: str) -> _Sentence:
    return lambda data: _ended(f"{text}: {_why(data)}")


def _completed(data: JsonObject) -> str:
    return _ended(f"The run ended: {_why(data)}") if data.get("reason") else "The run completed."


def _into(what: str, member: str) -> _Sentence:
    def write(data: JsonObject) -> str:
        ends = " This ends the run." if data.get("terminates") else ""
        left = data.get("left_out") or []
        without = f" Left out: {', '.join(map(str, left))}." if left else ""
        return f"The run went into {what} {data.get(member)!r}.{ends}{without}"

    return write


def _preferred(data: JsonObject) -> str:
    """Write the preferences that decided: all that are on, or the one that is off."""
    passed = bool(data.get("passed"))
    told = []
    for each in data.get("preferences") or ():
        if not isinstance(each, dict) or (each.get("result") == "true") is not passed:
            continue
        judged = _conditions(each)
        trouble = f" cannot be evaluated: {each['error']}" if each.get("error") else ""
        if passed or trouble or each.get("result") == "false":
            switch = trouble or (" is on" if passed else " is off")
            told.append(f"{each.get('preference')}{switch}{f' ({judged})' if judged else ''}")
    verdict = "allow the message" if passed else "do not allow the message"
    return f"The recipient's preferences {verdict}{': ' + '; '.join(told) if told else ''}."


def _changed(data: JsonObject) -> str:
    """Write whom a step has changed, and which members."""
    who = data.get("recipient")
    name = RecipientRef.of_wire(who).label if who else None
    changes = data.get("changes")
    what = ", ".join(changes) if isinstance(changes, dict) else ""
    left = data.get("left_out") or []
    without = f" Left out: {', '.join(map(str, left))}." if left else ""
    whom = name or "a recipient"
    if not what:
        return f"The step changed nothing of {whom}, which already had these values.{without}"
    return f"The step changed {whom}: {what}.{without}"


def _member(data: JsonObject) -> str:
    """Write what a step has done to an audience."""
    is_out = data.get("action") == "remove"
    if data.get("changed"):
        done = "removed the recipient from" if is_out else "added the recipient to"
        return f"The step {done} the audience {data.get('audience')!r}."
    if is_out:
        return f"The recipient was not in the audience {data.get('audience')!r}."
    return f"The recipient was already in the audience {data.get('audience')!r}."


def _by_key(data: JsonObject) -> str:
    """Write by which key items are gathered, where their step has one."""
    if "batch_key" not in data:
        return ""
    key = data["batch_key"]
    return " (the key rendered to nothing)" if key is None else f" (key {key!r})"


def _throttled(text: str) -> _Sentence:
    def write(data: JsonObject) -> str:
        until = in_words(data.get("ends_at"))
        return f"{text}: {data.get('count')} of {data.get('limit')} until {until}."

    return write


def _awaited(data: JsonObject) -> str:
    """Write which event a run waits for; whichever, where a member of it does not matter."""
    key = f" {_shown(data['event_key'])}" if data.get("event_key") else ""
    source = f" of {_shown(data['source_key'])}" if data.get("source_key") else ""
    until = in_words(data.get("expires_at"))
    return f"The run waits for the event {data.get('event_type')}{key}{source} until {until}."


def _responded(data: JsonObject) -> str:
    response = data.get("response")
    status = response.get("status") if isinstance(response, dict) else "something"
    trouble = f": {data['error']}" if data.get("error") else ""
    return _ended(f"The server answered {status}{trouble}")


def _answered(data: JsonObject) -> str:
    return _ended(f"The model answered{': ' + str(data['error']) if data.get('error') else ''}")


def _ended(sentence: str) -> str:
    """End a sentence once, also where it ends with one of somebody else's."""
    return sentence.rstrip(".") + "."


def _chosen(data: JsonObject) -> str:
    """Write which channels of a group its rules have chosen."""
    rules = [rule for rule in data.get("rules") or () if isinstance(rule, dict)]
    chosen = [str(rule.get("channel_key")) for rule in rules if rule.get("matched")]
    if data.get("operator") == "all" and len(chosen) < len(rules):
        chosen = []
    named = ", ".join(chosen) or "none"
    return f"The rules of the channel group {data.get('channel_group')!r} chose: {named}."


def _enqueued(data: JsonObject) -> str:
    files = data.get("attachments") or ()
    named = ", ".join(f"{each['name']} ({each['size']} bytes)" for each in files)
    made = f"A message was made ({data.get('channel_type')}): {data.get('message_id')}"
    return f"{made}, with {named}." if named else f"{made}."


SENTENCES: Mapping[RunEventType, _Sentence] = {
    RunEventType.RUN_STARTED: _plain("The run started."),
    RunEventType.RUN_COMPLETED: _completed,
    RunEventType.RUN_HALTED: _reasoned("The run stopped with an error"),
    RunEventType.RUN_CANCELLED: _reasoned("The run was cancelled"),
    RunEventType.RUN_STALLED: lambda data: (
        f"The run is stalled by an internal fault ({data.get('fault')}); it will be retried."
    ),
    RunEventType.TRIGGER_CONDITIONS_EVALUATED: _judged("The workflow's conditions"),
    RunEventType.STEP_CONDITIONS_EVALUATED: lambda data: (
        _judged(f"The conditions of the reusable request {data['reusable_request']!r}")(data)
        if "reusable_request" in data
        else _judged("The step's conditions")(data)
    ),
    RunEventType.PREFERENCES_EVALUATED: _preferred,
    RunEventType.STEP_SKIPPED: _reasoned("The step was skipped"),
    RunEventType.STEP_RETRYING: _reasoned("The step failed and will be retried"),
    RunEventType.STEP_FAILED: _reasoned("The step failed for good"),
    RunEventType.MESSAGE_ENQUEUED: _enqueued,
    RunEventType.ATTACHMENTS_NOT_SENT: lambda data: (
        f"The message goes out without {_counted(data.get('count'), 'attachment')}."
    ),
    RunEventType.BATCH_OPENED: lambda data: (
        f"The run opened a batch{_by_key(data)} and waits for more items until"
        f" {in_words(data.get('closing_at'))}."
    ),
    RunEventType.BATCH_FLUSHED: lambda data: (
        f"The first item{_by_key(data)} passed through at once; later items are gathered until"
        f" {in_words(data.get('closing_at'))}."
    ),
    RunEventType.BATCH_JOINED: lambda data: (
        f"The item joined an open batch{_by_key(data)}; run {data.get('carrier_run_id')} "
        "continues with it."
    ),
    RunEventType.BATCH_CLOSED: lambda data: (
        f"The batch closed with {_counted(data.get('total_activities'), 'item')}."
    ),
    RunEventType.BATCH_TAKEN_OVER: lambda data: (
        "The run takes over a batch whose own run was ended from outside."
    ),
    RunEventType.BATCH_ITEM_REMOVED: _reasoned("The item was removed from its batch"),
    RunEventType.DELAY_STARTED: lambda data: (
        f"The run waits until {in_words(data.get('delay_until'))}."
    ),
    RunEventType.DELAY_SKIPPED: _reasoned("The run did not wait"),
    RunEventType.DELAY_COMPLETED: _plain("The run has waited."),
    RunEventType.BRANCH_SELECTED: _into("branch", "branch"),
    RunEventType.COHORT_SELECTED: _into("cohort", "cohort"),
    RunEventType.DATA_UPDATED: _plain("The step changed the data of the run."),
    RunEventType.RECIPIENT_UPDATED: _changed,
    RunEventType.AUDIENCE_UPDATED: _member,
    RunEventType.GUIDE_ENABLED: lambda data: (
        f"The recipient may see the guide {data.get('guide_key')!r} from then on."
    ),
    RunEventType.WORKFLOW_TRIGGERED: lambda data: (
        f"The step triggered {data.get('workflow')!r}: {data.get('workflow_run_id')}."
    ),
    RunEventType.THROTTLE_ALLOWED: _throttled("The throttle let the run pass"),
    RunEventType.THROTTLE_HIT: _throttled("The throttle stopped the run"),
    RunEventType.FETCH_REQUESTED: lambda data: (
        f"The reusable request {data['reusable_request']!r} was rendered."
        if "reusable_request" in data
        else "A request was rendered."
    ),
    RunEventType.FETCH_RESPONDED: _responded,
    RunEventType.FETCH_UNANSWERED: lambda data: _ended(
        f"No answer came: {data.get('error') or 'the server did not answer'}"
    ),
    RunEventType.FETCH_RETRY_SCHEDULED: lambda data: (
        f"The request will be sent again at {in_words(data.get('retry_at'))}."
    ),
    RunEventType.AGENT_ASKED: lambda data: f"The model {data.get('model')!r} is asked.",
    RunEventType.AGENT_ANSWERED: _answered,
    RunEventType.AGENT_UNANSWERED: lambda data: _ended(
        f"The model did not answer: {data.get('error') or 'it gave no reason'}"
    ),
    RunEventType.AGENT_RETRY_SCHEDULED: lambda data: (
        f"The model will be asked again at {in_words(data.get('retry_at'))}."
    ),
    RunEventType.AGENT_FAILED: lambda data: _ended(
        f"The run continued without an answer: {data.get('error') or 'no reason is known'}"
    ),
    RunEventType.CHANNEL_GROUP_EVALUATED: _chosen,
    RunEventType.CHANNEL_SKIPPED: lambda data: _ended(
        f"The channel {data.get('channel_key')!r} was left out: {_why(data)}"
    ),
    RunEventType.WAIT_REGISTERED: _awaited,
    RunEventType.WAIT_CONDITIONS_EVALUATED: _judged("The conditions on an event that came"),
    RunEventType.WAIT_MATCHED: lambda data: f"The event came: {data.get('event_id')}.",
    RunEventType.WAIT_TIMED_OUT: _plain("The event did not come in time."),
    RunEventType.WAIT_MOVED: lambda data: (
        f"An operator moved the end of the wait from {in_words(data.get('from'))} to"
        f" {in_words(data.get('until'))}."
    ),
}
