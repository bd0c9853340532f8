"""`annotate=true`: tells Knock's CLI which fields are read-only and which become files.

Source: Knock CLI, the fixtures of its `pull` and `push` commands.
"""

from __future__ import annotations

from domain.kit.json_types import JsonObject
from domain.workflows import channel_steps

ANNOTATION = "__annotation"
_READ_ONLY = ("environment", "key", "active", "valid", "created_at", "updated_at", "sha")
# Field: whether the CLI writes it to a file unasked, and the file's extension.
_TEMPLATES: dict[str, dict[str, tuple[bool, str]]] = {
    "email": {
        "subject": (False, "txt"),
        "html_body": (True, "html"),
        "text_body": (True, "txt"),
        "json_body": (True, "json"),
        "visual_blocks": (True, "json"),
    },
    "sms": {"text_body": (True, "txt")},
    "push": {"text_body": (True, "txt")},
    "in_app_feed": {"markdown_body": (True, "md")},
    "chat": {"markdown_body": (True, "md"), "json_body": (True, "json")},
    "http": {"body": (True, "txt")},
}
_TEMPLATE_SETTINGS = {"pre_content": (True, "txt")}
_OVERRIDES = {"json_overrides": (True, "json")}


def annotate_workflow(workflow: JsonObject) -> None:
    """Add annotations to a workflow's wire form and to the nodes of its steps."""
    workflow[ANNOTATION] = {"readonly_fields": list(_READ_ONLY), "extractable_fields": {}}
    for _path, step in channel_steps(workflow):
        template = step.get("template")
        if isinstance(template, dict):
            _annotate(template, _TEMPLATES.get(step["channel_type"], {}))
            _annotate(template.get("settings"), _TEMPLATE_SETTINGS)
        _annotate(step.get("channel_overrides"), _OVERRIDES)


def _annotate(node: object, fields: dict[str, tuple[bool, str]]) -> None:
    if not isinstance(node, dict):
        return
    node[ANNOTATION] = {
        "readonly_fields": [],
        # The CLI would write the text "null" into the file of a field without a value, and push it.
        "extractable_fields": {
            name: {"default": default, "file_ext": extension}
            for name, (default, extension) in fields.items()
            if name not in node or node[name] is not None
        },
    }
