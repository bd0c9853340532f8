"""What the tests of SDKs send in the place of what the product has chosen, and what becomes of it.

They are made of the examples in Knock's documents and written for a mock server, which takes any
id. `target.py` and `target_content.py` make what can be made under the name that the tests have for
it; what cannot is exchanged here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

_ANY_UUID = "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e"
_EXAMPLE = "123e4567-e89b-12d3-a456-426614174000"
_OWNER = json.dumps({"object_id": "tenant", "collection": "$tenants"})

# Which segment of a path is which of our ids.
_SEGMENTS: Mapping[str, str] = {
    r"(?<=/channel_data/)[0-9a-f-]{36}": "sandbox-push",
    r"(?<=/feeds/)[0-9a-f-]{36}": "in-app",
    r"(?<=/v1/channels/)[0-9a-f-]{36}": "in-app",
    r"(?<=/guides/)[0-9a-f-]{36}": "in-app-guide",
    r"(?<=/guides/messages/)[^/]+(?=/)": "guide_message",
    r"(?<=/v1/messages/)(message_id|1jNaXzB2RZX3LY8wVQnfCKyPnv7)": "message",
    r"(?<=/workflow_recipient_runs/)id": "run",
    r"(?<=/bulk_operations/)[^/]+": "operation",
    r"(?<=/slack/)channel_id": "slack",
    r"(?<=/ms-teams/)channel_id": "teams",
    rf"(?<=/v1/commits/)({_ANY_UUID}|id)": "commit",
    rf"(?<=/v1/members/){_ANY_UUID}": "member",
}
# Ids in bodies and queries.
_VALUES: Mapping[str, str] = {
    "1jNaXzB2RZX3LY8wVQnfCKyPnv7": "message",
    "2w3YUpTTOxuDvZFji8OMsKrG176": "message_2",
    "2w3YVRbPXMIh8Zq6oBFcVDA5xes": "message_3",
    "97c5837d-c65c-4d54-aa39-080eeb81c69d": "sandbox-push",
    "aef6e715-df82-4ab6-b61e-b743e249f7b6": "sandbox-push",
    "7e9dc78c-b3b1-4127-a54e-71f1899b831a": "guide",
}
# Paths that need something else than the others of their kind, and what has that.
_PATHS: Mapping[tuple[str, str], str] = {
    ("POST", "/v1/branches/feature-branch"): "/v1/branches/another-branch",
    ("PUT", "/v1/broadcasts/broadcast_key/cancel"): "/v1/broadcasts/planned/cancel",
}
# Names in paths that are none of their kind.
_NAMES: Mapping[str, str] = {
    r"(?<=/v1/source_providers/)key$": "stripe",
    r"(?<=/v1/translations/)locale_code": "en",
}
# Words in bodies, and what they stand for: examples that mean nothing where they stand.
_WORDS: Mapping[str, str] = {
    "specimen.dna_sequence": "data.dna_sequence",
    '"preconfigured_provider":"preconfigured_provider"': '"preconfigured_provider":"stripe"',
    # The documents' layout has no place for what it is laid around, and is no MJML.
    "<html><body>Hello, world!</body></html>": "<mjml><mj-body>{{ content }}</mj-body></mjml>",
    '"text_layout":"Hello, world!"': '"text_layout":"{{ content }}"',
    '"payload":{"body":"bar","headers":"bar"}': '"payload":{"body":{"event":"e"},"headers":{}}',
    # The shortest step of the documents is sent on no channel.
    '"type":"channel"}': '"type":"channel","channel_key":"in-app-feed"}',
}
# Knock's documents know no broadcasts on branches, and no audiences that are written on one; its
# SDKs have a parameter for both.
_ON_NO_BRANCH = re.compile(r"\w+ /v1/broadcasts\b.*|PUT /v1/audiences/[^/]+")


@dataclass(frozen=True)
class Asked:
    """What of a request may hold placeholders; the query in pairs, decoded."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: str

    @property
    def asks_for_cursors(self) -> bool:
        """Return whether it asks for a page by cursors that nobody gave it."""
        return ("after", "after") in self.query

    def with_cursor(self, after: str | None) -> Asked:
        """Return the same request for the page after a cursor, or for the first one."""
        kept = [pair for pair in self.query if pair[0] not in ("after", "before")]
        return replace(self, query=(*kept, *([("after", after)] if after else [])))


def exchange(asked: Asked, ids: Mapping[str, str]) -> Asked:
    """Return the request with honest values in the place of placeholders."""
    path = _PATHS.get((asked.method, asked.path), asked.path)
    for pattern, name in _SEGMENTS.items():
        path = re.sub(pattern, ids[name], path)
    for pattern, word in _NAMES.items():
        path = re.sub(pattern, word, path)
    body = asked.body
    for value, name in _VALUES.items():
        body = body.replace(value, ids[name])
    for word, meant in _WORDS.items():
        body = body.replace(word, meant)
    example = ids["in-app-guide"] if "/guides/" in path else ids["schedule"]
    honest = _queries(asked, ids)

    def known(name: str, value: str) -> str:
        return ids[_VALUES[value]] if value in _VALUES else honest.get((name, value), value)

    has_branches = not _ON_NO_BRANCH.fullmatch(f"{asked.method} {path}")
    return Asked(
        asked.method,
        path,
        tuple(
            (name, known(name, value))
            for name, value in asked.query
            if has_branches or name != "branch"
        ),
        body.replace(_EXAMPLE, example),
    )


def _queries(asked: Asked, ids: Mapping[str, str]) -> Mapping[tuple[str, str], str]:
    """Return placeholders in queries, and an honest value of each."""
    # A branch is merged; everything else is promoted.
    target = "development" if ("branch", "branch") in asked.query else "production"
    bounds = [f"inserted_at[{bound}]" for bound in ("gt", "gte", "lt", "lte")]
    return {
        ("channel_id", "channel_id"): ids["in-app"],
        ("trigger_data", "trigger_data"): "{}",
        ("data", "data"): "{}",
        ("access_token_object", "access_token_object"): _OWNER,
        ("ms_teams_tenant_object", "ms_teams_tenant_object"): _OWNER,
        **{(name, name[12:-1]): "2026-03-01T12:00:00Z" for name in bounds},
        ("to_environment", "to_environment"): target,
        ("branch", "branch"): "feature-branch",
        # What a branch has of its own, as audiences are not.
        ("resource_type", "audience"): "partial",
        ("resource_id", "resource_id"): "partial_key",
        ("role", "role"): "member",
        ("id", "id"): _EXAMPLE,
        ("locale_code", "locale_code"): "en",
        ("date", "date"): "2026-03-01",
    }
