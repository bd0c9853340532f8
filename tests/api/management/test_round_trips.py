"""What is no versioned content comes back as it was written, and written back changes nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.kit.json_types import JsonObject, JsonValue

_DEVELOPMENT = {"environment": "development"}
_TIMES = ("created_at", "updated_at")
# They may look like Liquid, HTML, paths of an event and lines of Windows.
TEXTS = ["plain", " \t\r\n ends", "{{ a }} {% if %}", '<p>"é\\🥐</p>', "body.x", "a@"]


def _group(text: str) -> JsonObject:
    rule = {
        "channel_key": "smtp",
        "rule_type": "if",
        "variable": "data.a",
        "operator": "equal_to",
        "argument": text,
        "index": 0,
    }
    return {"name": text, "channel_type": "email", "operator": "all", "channel_rules": [rule]}


def _source(text: str) -> JsonObject:
    mapping = {
        "event_type": text,
        "action_type": "users_identify",
        "action_parameters": {"id": "body.user.id", "name": text, "properties": {"a": [text]}},
        "conditions": {"all": [{"variable": "event.body.a", "operator": "exists"}]},
    }
    here = {"settings": {"event_type_path": "body.type"}, "mappings": [mapping]}
    return {
        "name": text,
        "description": text,
        "environment_settings": {"development": here},
    }


def _schema(text: str) -> JsonObject:
    said = {"key": text, "label": text, "description": text, "preview_text": text}
    return {"properties": [said]}


def _lost(written: JsonValue, read: JsonValue, place: str = "") -> list[str]:
    """Return where something that was written is not read as it is; more may be beside it."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [
            lost
            for name, member in written.items()
            for lost in _lost(member, read.get(name), f"{place}.{name}")
        ]
    if isinstance(written, list) and isinstance(read, list):
        by_key = {one["key"]: one for one in read if isinstance(one, dict) and "key" in one}
        return [
            lost
            for index, one in enumerate(written)
            for lost in _lost(
                one,
                by_key.get(one["key"]) if by_key else read[index],
                f"{place}[{index}]",
            )
        ]
    return [] if written == read else [f"{place}: {written!r} is {read!r}"]


def _as_written(read: Any) -> Any:
    """Name the channels of rules as they are written; they are read with all there is of them."""
    for rule in read.get("channel_rules", ()):
        rule["channel_key"] = rule["channel"]["key"]
    return read


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(one) for name, one in value.items() if name not in _TIMES}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(
    ("path", "name", "written"),
    [
        ("/v1/channel_groups/round-trip", "channel_group", _group),
        ("/v1/sources/round-trip", "source", _source),
        ("/v1/schemas/user", "schema", _schema),
    ],
)
async def test_what_is_written_is_what_is_read(
    management: httpx.AsyncClient, path: str, name: str, written: Any, text: str
) -> None:
    """Whatever its texts say; and what was read can be sent again."""

    async def put(document: Any) -> None:
        answer = await management.put(path, json={name: document}, params=_DEVELOPMENT)
        assert answer.status_code == 200, answer.text

    async def read() -> Any:
        found = (await management.get(path, params=_DEVELOPMENT)).json()
        return _as_written(found.get(name, found))

    document = written(text)
    await put(document)
    once = await read()
    assert not _lost(document, once)

    await put(once)

    again = await read()
    assert not _lost(_without_times(once), again)
    assert not _lost(_without_times(again), once)
