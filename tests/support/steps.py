"""Steps and workflow documents as tests, scenarios, chaos and benchmark write them.

Channels have the keys that `commands/seed/channels.py` gives them, in a `World` as in a seeded
`Account` and on a whole stack; so a step written here runs anywhere.
"""

from __future__ import annotations

from typing import Any

from domain.kit.json_types import JsonObject

CHANNEL_KEYS = {
    "in_app_feed": "in-app",
    "email": "smtp",
    "sms": "sandbox-sms",
    "push": "sandbox-push",
    "chat": "slack",
    "http": "webhook",
}
# Small templates, each with a place for data where that is of use.
TEMPLATES: dict[str, JsonObject] = {
    "in_app_feed": {"markdown_body": "Hello **{{ recipient.name }}** {{ data.x }}"},
    "email": {
        "subject": "Hi {{ recipient.name }}",
        "html_body": "<p>{{ data.x }}</p>",
        "settings": {"layout_key": None},
    },
    "sms": {"text_body": "Hi"},
    "push": {"title": "Hi", "text_body": "there"},
    "chat": {"markdown_body": "Hi"},
    "http": {"method": "post", "url": "https://example.com/{{ recipient.id }}", "body": "{}"},
}


def channel_step(ref: str, channel_type: str = "in_app_feed", /, **changes: Any) -> JsonObject:
    """Write a channel step of the seeded channel of a type; `changes` wins."""
    return {
        "type": "channel",
        "ref": ref,
        "channel_type": channel_type,
        "channel_key": CHANNEL_KEYS[channel_type],
        "template": TEMPLATES[channel_type],
        **changes,
    }


def feed_step(text: str = "Hello", ref: str = "feed_1", **changes: Any) -> JsonObject:
    """Write an in-app step that says something."""
    return channel_step(ref, "in_app_feed", **{"template": {"markdown_body": text}, **changes})


def email_step(subject: str = "Hello", ref: str = "email_1", **changes: Any) -> JsonObject:
    """Write an e-mail step without a layout."""
    template = {"subject": subject, "html_body": "<p>Hi</p>", "settings": {"layout_key": None}}
    return channel_step(ref, "email", **{"template": template, **changes})


def webhook_step(channel_key: str = "webhook") -> JsonObject:
    """Write a webhook step that calls `data.url`."""
    template = {
        "method": "post",
        "url": "{{ data.url }}",
        "headers": [],
        "query_params": [],
        "body": '{"to": {{ recipient.id | json }}, "note": {{ data.note | json }}}',
    }
    return channel_step("webhook_1", "http", channel_key=channel_key, template=template)


def with_template(step: JsonObject, **changes: Any) -> JsonObject:
    """Write the same step with some fields of its template changed."""
    return {**step, "template": {**step["template"], **changes}}


def delay_step(ref: str = "wait", *, seconds: float = 3600, **changes: Any) -> JsonObject:
    """Write a delay step of a fixed length."""
    length = {"unit": "seconds", "value": seconds}
    return {"type": "delay", "ref": ref, "settings": {"delay_for": length}, **changes}


def branch_step(ref: str, *branches: JsonObject, **changes: Any) -> JsonObject:
    """Write a branch step; the last branch should be one without conditions."""
    return {"type": "branch", "ref": ref, "branches": list(branches), **changes}


def branch(
    name: str, *steps: JsonObject, conditions: JsonObject | None = None, ends: bool = False
) -> JsonObject:
    """Write a branch of a branch step."""
    return {"name": name, "steps": list(steps), "conditions": conditions, "terminates": ends}


def cohort_step(ref: str, *cohorts: JsonObject, key: str | None = None) -> JsonObject:
    """Write an experiment step."""
    return {
        "type": "random_cohort",
        "ref": ref,
        "cohort_key": key,
        "cohort_branches": list(cohorts),
    }


def cohort(name: str, percentage: Any, *steps: JsonObject, ends: bool = False) -> JsonObject:
    """Write a cohort of an experiment step."""
    return {"name": name, "percentage": percentage, "steps": list(steps), "terminates": ends}


def update_step(data: str, ref: str = "update", **changes: Any) -> JsonObject:
    """Write a step that changes the data."""
    return {"type": "update_data", "ref": ref, "settings": {"data": data}, **changes}


def update_recipient_step(kind: str, properties: str, **changes: Any) -> JsonObject:
    """Write a step that changes the run's own user or tenant; `changes` to its settings win."""
    current = {} if kind == "object" else {"recipient_mode": "current"}
    settings = {**current, "update_properties": properties, **changes}
    return {"type": f"update_{kind}", "ref": f"update_{kind}", "settings": settings}


def audience_step(audience_key: str, action: str = "add", ref: str = "audience") -> JsonObject:
    """Write a step that adds its recipient to an audience, or removes it."""
    settings = {"audience_key": audience_key, "action": action}
    return {"type": "update_audience", "ref": ref, "settings": settings}


def trigger_step(workflow_key: str, ref: str = "trigger", **settings: Any) -> JsonObject:
    """Write a step that triggers another workflow."""
    return {
        "type": "trigger_workflow",
        "ref": ref,
        "settings": {"workflow_key": workflow_key, **settings},
    }


def fetch_step(ref: str = "fetch", /, **settings: Any) -> JsonObject:
    """Write a fetch step that gets `data.url`."""
    return {"type": "http_fetch", "ref": ref, "settings": {"url": "{{ data.url }}", **settings}}


def shared_fetch_step(key: str, ref: str = "fetch", /, **inputs: Any) -> JsonObject:
    """Write a fetch step that sends a reusable request."""
    return {
        "type": "http_fetch",
        "ref": ref,
        "settings": {"reusable_request_key": key, "inputs": inputs},
    }


def reusable_request(**settings: Any) -> JsonObject:
    """Write a reusable request that gets `data.url`."""
    return {"name": "Shared", "settings": {"url": "{{ data.url }}", **settings}}


def agent_step(ref: str = "agent", /, **settings: Any) -> JsonObject:
    """Write a step that asks a model for text."""
    asks = {"model": "anthropic:claude", "request_prompt": "Greet {{ recipient.name }}"}
    return {
        "type": "ai_agent",
        "ref": ref,
        "settings": {**asks, "response_type": "text", **settings},
    }


def throttle_step(ref: str = "throttle", /, **settings: Any) -> JsonObject:
    """Write a throttle step that lets one run pass in an hour."""
    hour = {"throttle_window": {"unit": "hours", "value": 1}}
    return {"type": "throttle", "ref": ref, "settings": {**hour, **settings}}


def batch_step(ref: str = "batch_1", *, seconds: float | None = 600, **settings: Any) -> JsonObject:
    """Write a batch step with a window of a fixed length; `settings` win."""
    window = None if seconds is None else {"unit": "seconds", "value": seconds}
    return {"type": "batch", "ref": ref, "settings": {"batch_window": window, **settings}}


def wait_step(
    event: JsonObject,
    *conditions: JsonObject,
    ref: str = "wait_1",
    seconds: float = 900,
    **settings: Any,
) -> JsonObject:
    """Write a step that waits for an event; `conditions` are of one comparison each."""
    groups = [{"operator": "and", "conditions": each["all"]} for each in conditions]
    given = {
        "event": event,
        "match_conditions": groups,
        "expires_after": {"unit": "seconds", "value": seconds},
    }
    return {"type": "wait_for_event", "ref": ref, "settings": {**given, **settings}}


def message_event(event_key: str, source_key: str) -> JsonObject:
    """Write what a step waits for: an event of a message of a workflow."""
    named = {"source_type": "workflow", "source_key": source_key}
    return {"event_type": "message", "event_key": event_key, **named}


def when(variable: str, operator: str, argument: Any = None) -> JsonObject:
    """Write conditions of one comparison."""
    return {"all": [{"variable": variable, "operator": operator, "argument": argument}]}


def workflow(name: str = "Plain", /, *steps: JsonObject, **changes: Any) -> JsonObject:
    """Write a small valid workflow document; without steps it has an in-app one."""
    return {"name": name, "steps": list(steps) or [feed_step()], **changes}
