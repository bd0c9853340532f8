"""The JSON of a workflow as it is stored: canonical, without what a client adds around it.

Source: Management API reference, WorkflowRequest; Knock CLI, what `workflow push` sends.
"""

from __future__ import annotations

from domain.kit.authored import ChannelTypes
from domain.kit.json_types import JsonObject
from domain.kit.stored import without_client_keys
from domain.workflows.goals import with_window
from domain.workflows.steps import STEP_TYPES, raw_steps

_WRITABLE = (
    "name",
    "description",
    "categories",
    "tags",
    "conditions",
    "settings",
    "trigger_frequency",
    "audience_trigger",
    "trigger_data_json_schema",
    "goal_attachment",
    "steps",
)
_EMPTY_LISTS = ("categories", "tags", "steps")
_NOTHING = (
    "description",
    "conditions",
    "audience_trigger",
    "trigger_data_json_schema",
    "goal_attachment",
)
_DEFAULT_SETTINGS = {"is_commercial": False, "override_preferences": False}


def normalise_workflow(raw: JsonObject, channel_types: ChannelTypes | None = None) -> JsonObject:
    """Return the JSON that is stored for a workflow.

    Read-only fields, unknown fields, and the keys that Knock's CLI keeps for itself are dropped;
    what was left out gets its default, the type of a step's channel from `channel_types`. Wrong
    values stay, for the check to refuse.
    """
    content = {
        key: raw.get(key) if key == "trigger_data_json_schema" else without_client_keys(raw[key])
        for key in _WRITABLE
        if key in raw
    }
    for key in _EMPTY_LISTS:
        if content.get(key) is None:
            content[key] = []
    for key in _NOTHING:
        content.setdefault(key, None)
    content["goal_attachment"] = with_window(content["goal_attachment"])
    if content["conditions"] == {}:
        content["conditions"] = None
    settings = content.get("settings") or {}
    is_object = isinstance(settings, dict)
    content["settings"] = {**_DEFAULT_SETTINGS, **settings} if is_object else settings
    content["trigger_frequency"] = content.get("trigger_frequency") or "every_trigger"
    content.setdefault("name", None)
    for _place, step in raw_steps(content["steps"]):
        step_type = step.get("type")
        if isinstance(step_type, str) and step_type in STEP_TYPES:
            STEP_TYPES[step_type].complete(step, channel_types or ChannelTypes())
    return content
