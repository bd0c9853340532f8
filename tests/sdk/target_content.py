"""The content that the tests of the Management SDKs name, made by the Management API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from domain.kit.json_types import JsonObject
from tests.support.server import done
from tests.support.steps import channel_step, feed_step

_SAVE = {"environment": "development"}
_COMMIT = {**_SAVE, "commit": "true"}
_PREMIUM: JsonObject = {
    "property": "recipient.plan",
    "operator": "equal_to",
    "argument": "premium",
}
_MESSAGE_TYPE: JsonObject = {
    "name": "Tooltip",
    "description": "A hint",
    "preview": "<p>{{ text_field }}</p>",
    "semver": "1.0.0",
    "variants": [
        {
            "key": "default",
            "name": "Default",
            "fields": [{"type": "text", "key": "text_field", "label": "Text", "settings": {}}],
        }
    ],
}
# By type and provider; steps, groups and paths name them.
_CHANNELS: Mapping[str, tuple[str, str]] = {
    "in-app-feed": ("in_app_feed", "in_app_feed_knock"),
    "push-fcm": ("push", "sandbox_push"),
    "channel_key": ("email", "sandbox_email"),
}


async def fill_content(client: httpx.AsyncClient) -> dict[str, str]:
    """Make the content, a branch of it and what stands beside it; return the ids of that."""

    async def put(path: str, body: JsonObject | None = None, **query: str) -> Any:
        return done(await client.put(path, json=body or {}, params=query))

    async def publish(path: str, name: str, document: JsonObject, **query: str) -> None:
        await put(path, {name: document}, **_COMMIT, **query)

    for key, (channel_type, provider) in _CHANNELS.items():
        channel: JsonObject = {"name": key, "type": channel_type, "provider": provider}
        await put(f"/admin/channels/{key}", channel)
        for slug in ("development", "production"):
            await put(f"/admin/channels/{key}/environments/{slug}")
    rules: JsonObject = {"channel_rules": [{"channel_key": "push-fcm", "rule_type": "always"}]}
    group: JsonObject = {"name": "Push", "channel_type": "push", **rules}
    await put("/channel_groups/channel_group_key", {"channel_group": group})
    await put("/admin/variables/key", {"variable": {"type": "public", "value": "v"}})
    added = await client.post(
        "/admin/members", json={"member": {"email": "e@example.com", "role": "member"}}
    )

    for key in ("audience_key", "target_audience_key", "all-users"):
        segments: JsonObject = {"segments": [{"conditions": [_PREMIUM]}]}
        await publish(f"/audiences/{key}", "audience", {"name": key, "type": "dynamic", **segments})
    entered = {"event_type": "audience", "event_key": "enter", "audience_key": "audience_key"}
    goal: JsonObject = {"name": "Trial", "condition": {"event": entered}}
    await put("/goals/trial-conversion", {"goal": goal}, **_SAVE)
    for key in ("email", "tooltip"):
        await publish(f"/message_types/{key}", "message_type", _MESSAGE_TYPE)
    html: JsonObject = {"html_layout": "<html>{{ content }}</html>", "text_layout": "{{ content }}"}
    await publish("/email_layouts/email_layout_key", "email_layout", {"name": "Plain", **html})
    partial: JsonObject = {"name": "Partial", "type": "html", "content": "<p>Hello</p>"}
    await publish("/partials/partial_key", "partial", partial)
    texts: JsonObject = {"format": "json", "content": '{"hello":"Hello"}'}
    await publish("/translations/en", "translation", texts, namespace="")
    await publish("/translations/en", "translation", texts, namespace="namespace", tenant="tenant")
    step: JsonObject = {"ref": "welcome-step", "schema_key": "tooltip", "schema_semver": "1.0.0"}
    step |= {"schema_variant_key": "default", "values": {"text_field": "Hello"}}
    guide: JsonObject = {"name": "Guide", "channel_key": "in-app-guide", "steps": [step]}
    await publish("/guides/guide_key", "guide", guide)
    steps = [channel_step("step_ref", "email"), feed_step("feed")]
    # The sample has a delay in seconds, which the SDKs' types do not know.
    for key in ("workflow_key", "welcome"):
        await publish(f"/workflows/{key}", "workflow", {"name": "Workflow", "steps": steps})
    await put("/sources/key", {"source": {"name": "Source"}}, **_SAVE)
    for key in ("broadcast_key", "planned"):
        broadcast: JsonObject = {"name": key, "steps": steps, "target_audience_key": "all-users"}
        await put(f"/broadcasts/{key}", {"broadcast": broadcast}, **_SAVE)
    await put("/broadcasts/planned/send", {"send_at": "2999-01-01T00:00:00Z"}, **_SAVE)

    # Something to commit, on the branch and beside it; to be promoted is all of the above.
    done(await client.post("/branches/feature-branch", params=_SAVE))
    draft: JsonObject = {"partial": {**partial, "content": "<p>Bye</p>"}}
    await put("/partials/partial_key", draft, **_SAVE)
    await put("/partials/partial_key", draft, **_SAVE, branch="feature-branch")
    listed = done(await client.get("/commits", params=_SAVE))
    return {"commit": listed["entries"][0]["id"], "member": done(added)["member"]["id"]}
