"""Holds every answer that a test gets from the product to the OpenAPI document of its route.

Whatever way a test calls (in process, over HTTP, through Knock's SDK), httpx carries it. So its
`send` is watched for the session, and a test fails when an answer has no documented operation,
status or error code, does not fit its schema, or has a member that the schema does not name. With
`--api-documents=FOLDER` answers are held to Knock's own documents too, `knock-api.json` and
`knock-management-api.json` in that folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from jsonschema_rs import Draft202012Validator

from api import assets, health
from api.kit.parameters import codes_of
from api.knock.channels import connecting
from api.knock.messages import tracked
from api.knock.preferences import hosted, unsubscribing
from api.reference import routes as reference
from domain.kit.json_types import JsonObject, JsonValue

# What is known to differ from its document: the operation, and why. It must become empty.
NOT_YET: Mapping[str, str] = {}

# What Knock's documents say and Knock does not do: a pattern of the fault, and how we know.
KNOCK_IS_UNSURE: Mapping[str, str] = {
    r'steps\[\d+\]: .*"unit":"seconds"': "the page of delays has seconds too",
    r'feeds/\{id\}: \.entries\[\d+\]: "(total_)?activities"': "the page of feeds leaves them out"
    " in compact mode",
    r"content: \.data: .*MessageHttpContent": "no shape of webhooks is published",
    r"content: \.data: .*MessageInAppGuideContent": "no shape of guides is published",
    r'channel_data/\{channel_id\}: \.data: \{"anything"': "no shape of webhooks is published",
    r'revoke_access: body: "ok" is not of type': "the SDKs and the browser client read a text",
}

# Schemas that stand under keywords by name; elsewhere a keyword holds schemas or plain values.
_BY_NAME = ("properties", "schemas", "patternProperties", "$defs")
_VALUES = ("enum", "const", "default", "example", "examples", "required")


@dataclass(frozen=True)
class Documented:
    """One operation: where it stands, and the schema of each status that it may answer.

    Attributes:
        name: method and path, as documents write them.
        path: matches its path.
        answers: by status; None where there is no body.
        codes: the error codes that are named, by status.
        components: what the schemas refer to.
    """

    name: str
    path: re.Pattern[str]
    answers: Mapping[str, JsonObject | None]
    codes: Mapping[str, list[str]]
    components: JsonObject
    validators: dict[str, Draft202012Validator] = field(default_factory=dict)

    def faults(self, status: str, response: httpx.Response) -> Iterator[str]:
        """Yield what is wrong with an answer, a sentence each."""
        if status not in self.answers:
            yield f"answers {status}, which its document does not name"
            return
        if response.is_error and response.json()["code"] not in self.codes[status]:
            yield f"answers {status}, and its code `{response.json()['code']}` is not documented"
        schema = self.answers[status]
        if schema is None:
            if response.content and response.is_success:
                yield f"answers {status} with a body, which its document does not name"
            return
        if status not in self.validators:
            whole = {**schema, "components": self.components}
            self.validators[status] = Draft202012Validator(whole, validate_formats=True)
        for error in self.validators[status].iter_errors(response.json()):
            is_missing = error.schema_path[-1] == "required"
            if is_missing and "exclude" in response.request.url.params:
                continue  # the caller asked to have members left out
            place = "".join(
                f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.instance_path
            )
            yield f"{place or 'body'}: {error.message[:300]}"


class AnswerCheck:
    """The operations of some documents, and what was wrong with answers since it was last asked."""

    def __init__(
        self,
        read: Callable[[], list[Documented]],
        *,
        is_ours: bool,
        not_yet: Mapping[str, str] = NOT_YET,
        unsure: Mapping[str, str] | None = None,
    ) -> None:
        self._read = read
        self._is_ours = is_ours
        self._not_yet = not_yet
        self._unsure = re.compile("|".join(unsure)) if unsure else None
        self._faults: list[str] = []

    @cached_property
    def _operations(self) -> list[Documented]:
        """The operations, made when the first answer comes: that takes seconds."""
        return self._read()

    def look_at(self, response: httpx.Response) -> None:
        """Note what is wrong with an answer, unless it is from somebody else.

        Errors are compared with the product's own documents only, which name their codes.
        """
        if "x-request-id" not in response.headers or response.is_redirect:
            return
        if response.is_error and not self._is_ours:
            return
        method, path = response.request.method, response.request.url.raw_path.decode()
        path = path.partition("?")[0].rstrip("/")
        status = str(response.status_code)
        matching = (o for o in self._operations if o.name.startswith(f"{method} "))
        operation = next((o for o in matching if o.path.fullmatch(path)), None)
        if operation is None:
            is_known = method == "OPTIONS" or _UNDOCUMENTED.match(path) or response.is_error
            if self._is_ours and not is_known:
                self._faults.append(f"{method} {path} answers {status} and stands in no document")
        elif operation.name not in self._not_yet:
            faults = (f"{operation.name}: {fault}" for fault in operation.faults(status, response))
            self._faults += [f for f in faults if not (self._unsure and self._unsure.search(f))]

    def take(self) -> list[str]:
        """Return what was wrong, each once, and forget it."""
        faults, self._faults = list(dict.fromkeys(self._faults)), []
        return faults


def operations_of(document: JsonObject, adapt: Callable[[JsonValue], Any]) -> list[Documented]:
    """Return the operations of a document, those with literal paths first.

    Args:
        document: an OpenAPI document.
        adapt: makes of one of its schemas the JSON Schema to check with.
    """
    named = document.get("components", {})
    components = {"schemas": adapt(named.get("schemas", {}))}
    found = []
    for path, item in document["paths"].items():
        pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)))
        for method in item.keys() & {"get", "put", "post", "delete", "patch"}:
            answers = {
                status: named["responses"][answer["$ref"].rpartition("/")[2]]
                if "$ref" in answer
                else answer
                for status, answer in item[method]["responses"].items()
            }
            schemas = {
                status: adapt(content["schema"]) if content and "schema" in content else None
                for status, answer in answers.items()
                for content in [answer.get("content", {}).get("application/json")]
            }
            codes = {s: codes_of(answer.get("description", "")) for s, answer in answers.items()}
            name = f"{method.upper()} {path}"
            found.append(Documented(name, pattern, schemas, codes, components))
    return sorted(found, key=lambda operation: operation.name.count("{"))


def _each(schema: JsonObject, change: Callable[[JsonValue], Any]) -> JsonObject:
    """Return a schema whose inner schemas are changed."""
    return {
        key: (
            {name: change(inner) for name, inner in value.items()}
            if key in _BY_NAME and isinstance(value, dict)
            else value
            if key in _VALUES
            else change(value)
        )
        for key, value in schema.items()
    }


def closed(schema: JsonValue) -> Any:
    """Return a schema that refuses members which it does not name, unless it says it takes any."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = _each(schema, closed)
    if "properties" in changed:
        changed.setdefault("additionalProperties", False)
    return changed


def modern(schema: JsonValue) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON Schema: `nullable` is a type there."""
    if isinstance(schema, list):
        return [modern(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    changed = _each(schema, modern)
    if "oneOf" in changed:  # Knock's alternatives overlap
        changed.setdefault("anyOf", changed.pop("oneOf"))
    if "anyOf" in changed:  # Knock says `object` of every union, of a boolean and others too
        changed.pop("type", None)
    return {"anyOf": [changed, {"type": "null"}]} if changed.pop("nullable", False) else changed


def own_check() -> AnswerCheck:
    """Return the check against the product's own documents."""

    def read() -> list[Documented]:
        documents = (reference.knock_document(), reference.management_document())
        return [found for document in documents for found in operations_of(document, closed)]

    return AnswerCheck(read, is_ours=True)


def knocks_check(folder: Path) -> AnswerCheck:
    """Return the check against Knock's documents, which know nothing of the admin API."""

    def read() -> list[Documented]:
        return [
            found
            for name in ("knock-api.json", "knock-management-api.json")
            for found in operations_of(json.loads((folder / name).read_text()), modern)
        ]

    return AnswerCheck(read, is_ours=False, not_yet={}, unsure=KNOCK_IS_UNSURE)


def _undocumented() -> re.Pattern[str]:
    """Match the paths that are not operations of a face, and those that tests add."""
    routes = [
        *assets.router.routes,
        *health.router.routes,
        *reference.router.routes,
        *hosted.router.routes,
        *unsubscribing.router.routes,
        *tracked.router.routes,
        *connecting.router.routes,
    ]
    paths = [
        re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route.path.rstrip("/")))
        for route in routes
        if isinstance(route, APIRoute)
    ]
    return re.compile(f"({'|'.join(paths)}|/probe/.*)$")


_UNDOCUMENTED = _undocumented()
_CHECKS = pytest.StashKey[list[AnswerCheck]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the folder with Knock's documents."""
    parser.addoption(
        "--api-documents",
        type=Path,
        metavar="FOLDER",
        help="hold answers to Knock's OpenAPI documents in FOLDER too",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch what httpx receives for the whole session."""
    folder = config.getoption("--api-documents")
    checks = [own_check(), *([knocks_check(folder)] if folder else [])]
    config.stash[_CHECKS] = checks
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    send, send_async = httpx.Client.send, httpx.AsyncClient.send

    def watched(self: httpx.Client, *args: Any, **options: Any) -> httpx.Response:
        return _seen(send(self, *args, **options))

    async def watched_async(self: httpx.AsyncClient, *args: Any, **options: Any) -> httpx.Response:
        return _seen(await send_async(self, *args, **options))

    def _seen(response: httpx.Response) -> httpx.Response:
        if response.is_stream_consumed:  # else it is read piece by piece
            for check in checks:
                check.look_at(response)
        return response

    patch.setattr(httpx.Client, "send", watched)
    patch.setattr(httpx.AsyncClient, "send", watched_async)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test whose answers are not as documented."""
    checks = item.config.stash[_CHECKS]
    try:
        result = yield
    finally:
        faults = [fault for check in checks for fault in check.take()]
    if faults:
        listed = "\n".join(f"- {fault}" for fault in faults)
        pytest.fail(f"Answers differ from the OpenAPI documents:\n{listed}", pytrace=False)
    return result
