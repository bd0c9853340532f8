"""The JSON of a workflow as it is stored: canonical, without what a client adds around it.

Source: Management API reference, WorkflowRequest; Knock CLI, what `workflow push` sends.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from domain.kit.json_types import JsonObject, JsonValue

# Keys that the CLI writes for itself; `<field>@` names the file that a field's text came from.
_CLIENT_KEYS = frozenset({"$schema", "__readonly", "__annotation"})
_WRITABLE = (
    "name",
    "description",
    "categories",
    "tags",
    "conditions",
    "settings",
    "trigger_frequency",
    "trigger_data_json_schema",
    "goal_attachment",
    "steps",
)
_EMPTY_LISTS = ("categories", "tags", "steps")
_DEFAULT_SETTINGS = {"is_commercial": False, "override_preferences": False}


def normalise_workflow(raw: JsonObject) -> JsonObject:
    """Return the JSON that is stored for a workflow.

    Read-only fields, unknown fields, and the keys that Knock's CLI keeps for itself are dropped;
    what was left out gets its default. Wrong values stay, for the parser to refuse.
    """
    content = {
        key: raw.get(key) if key == "trigger_data_json_schema" else _without_client_keys(raw[key])
        for key in _WRITABLE
        if key in raw
    }
    for key in _EMPTY_LISTS:
        if content.get(key) is None:
            content[key] = []
    for key in ("description", "conditions", "trigger_data_json_schema", "goal_attachment"):
        content.setdefault(key, None)
    if content["conditions"] == {}:
        content["conditions"] = None
    settings = content.get("settings") or {}
    content["settings"] = {**_DEFAULT_SETTINGS, **settings} if _is_object(settings) else settings
    content["trigger_frequency"] = content.get("trigger_frequency") or "every_trigger"
    content.setdefault("name", None)
    for _path, step in channel_steps(content):
        _rename_channel_type(step)
    return content


def content_sha(content: JsonObject) -> str:
    """Return the hash of a content document; the order of its keys does not matter."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def all_steps(steps: JsonValue, path: str = "steps") -> Iterator[tuple[str, JsonObject]]:
    """Yield every step with its path, for example `steps[1].branches[0].steps[2]`.

    Branches are walked in depth. What is no step is passed over: the parser reports it.
    """
    for index, step in enumerate(_list(steps)):
        if not _is_object(step):
            continue
        here = f"{path}[{index}]"
        yield here, step
        for position, branch in enumerate(_list(step.get("branches"))):
            if _is_object(branch):
                yield from all_steps(branch.get("steps"), f"{here}.branches[{position}].steps")


def channel_steps(content: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield every channel step of a workflow with its path."""
    for path, step in all_steps(content.get("steps")):
        if step.get("type") == "channel":
            yield path, step


def _without_client_keys(value: JsonValue) -> JsonValue:
    if _is_object(value):
        return {
            key: _without_client_keys(member)
            for key, member in value.items()
            if key not in _CLIENT_KEYS and not key.endswith("@")
        }
    if isinstance(value, list):
        return [_without_client_keys(member) for member in value]
    return value


def _rename_channel_type(step: JsonObject) -> None:
    """Knock's authoring guides say `webhook` where the API says `http`."""
    if step.get("channel_type") == "webhook":
        step["channel_type"] = "http"


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _is_object(value: JsonValue) -> bool:
    return isinstance(value, dict)
