"""A document of each kind of content, with what most have."""

from __future__ import annotations

from typing import Any

from tests.support.guides import guide, guide_step
from tests.support.steps import email_step, workflow

DOCUMENTS: dict[str, Any] = {
    "workflow": workflow("Plain", email_step(), tags=["a"]),
    "email_layout": {
        "name": "Plain",
        "html_layout": "<html>{{ content }}</html>",
        "text_layout": "{{ content }}",
    },
    "partial": {"name": "Plain", "type": "html", "content": "<p>{{ a }}</p>"},
    "translation": {"format": "json", "content": '{"a": {"b": "Hi {{ name }}"}}'},
    "message_type": {
        "name": "Plain",
        "preview": "{{ title }}",
        "variants": [{"key": "default", "name": "Default", "fields": []}],
    },
    "audience": {
        "name": "Plain",
        "type": "dynamic",
        "segments": [
            {"conditions": [{"property": "plan", "operator": "equal_to", "argument": "pro"}]}
        ],
    },
    "goal": {
        "name": "Plain",
        "description": None,
        "condition": {
            "event": {"event_type": "audience", "event_key": "enter", "audience_key": "vips"}
        },
    },
    "guide": guide(guide_step(title="Hi {{ recipient.name }}"), target_audience_key="vips"),
    "reusable_request": {
        "name": "Plain",
        "settings": {
            "url": "https://api.example.com/{{ inputs.id }}",
            "headers": [{"key": "x-who", "value": "{{ recipient.id }}"}],
            "data_input_schema": {"type": "object", "properties": {"id": {"type": "string"}}},
        },
        "conditions": {"all": [{"variable": "inputs.id", "operator": "not_empty"}]},
    },
}
