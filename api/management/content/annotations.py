"""`annotate=true`: tells Knock's CLI which fields are read-only and which become files.

Source: Knock CLI, the fixtures of its `pull` and `push` commands.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable

from fastapi import Request

from api.kit.query_strings import Query
from domain.conditions import lookup
from domain.kit.authored import FileFields
from domain.kit.json_types import JsonObject

ANNOTATION = "__annotation"
_CLI = "@knocklabs/cli/"


def wants_annotations(request: Request, query: Query) -> bool:
    """Tell whether an answer is to be annotated: when asked, and for the CLI unless declined.

    Without annotations the CLI would send read-only fields with its next push.
    """
    asked = query.boolean("annotate")
    if asked is not None:
        return asked
    return request.headers.get("user-agent", "").startswith(_CLI)


def annotated(
    content: JsonObject, files: Iterable[tuple[str, FileFields]], read_only: Iterable[str]
) -> JsonObject:
    """Return a copy of a document, annotated as a whole and at each object that has file fields.

    Args:
        content: the document.
        files: the objects, by their place in it; the empty place is the document itself.
        read_only: members of the answer that the CLI does not push.
    """
    document = copy.deepcopy(content)
    document[ANNOTATION] = {"readonly_fields": list(read_only), "extractable_fields": {}}
    for place, fields in files:
        node = lookup(document, place) if place else document
        if isinstance(node, dict):
            note = node.setdefault(ANNOTATION, {"readonly_fields": []})
            # The CLI would write the text "null" into the file of a field without a value, and
            # push it.
            note["extractable_fields"] = {
                name: {"default": field.by_default, "file_ext": field.extension}
                for name, field in fields.items()
                if name not in node or node[name] is not None
            }
    return document
