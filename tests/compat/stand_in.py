"""Stands in for every server and language model that content asks, with answers that fit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

import httpx

from domain.kit.json_types import JsonObject, JsonValue, read_json
from providers.base import ProviderContext
from providers.sandbox import SandboxEmail
from runtime.settings import Settings
from services.channels.provider_pool import ProviderPool
from tests.compat.made_up import made_of
from tests.support.knock_folders import steps_within

# What steps get, by the key of their workflow and their ref.
Answers: TypeAlias = Mapping[str, Mapping[str, JsonValue]]

# Where all models are asked, in the words of Anthropic's API, whose models may search.
MODELS = {"adapter": "anthropic", "base_url": "https://models.invalid", "api_key": "any"}
_TOOL = "respond"
_READS = re.compile(r"\bdata((?:\.[A-Za-z_]\w*)+)")


class StandIn(ProviderPool):
    """The providers of a process that reaches nobody: each request is answered here.

    Attributes:
        asked: how many requests there were.

    Args:
        settings: of the process.
        given: answers; where there is none, one is made.
    """

    def __init__(self, settings: Settings, given: Answers) -> None:
        super().__init__(settings)
        self.asked = 0
        self._given = given
        self._answer: JsonValue = {}
        self._http = httpx.AsyncClient(transport=httpx.MockTransport(self._respond))
        # The seeded channel's, which would speak SMTP instead.
        self.install("smtp", SandboxEmail(self.context()))

    def context(self) -> ProviderContext:
        """Return what all providers share, with a client that stays here."""
        return replace(super().context(), http=self._http)

    async def close(self) -> None:
        """Close every connection."""
        await super().close()
        await self._http.aclose()

    def prepare(self, workflow: str, document: JsonValue, ref: str) -> None:
        """Say whose request comes next.

        Args:
            workflow: its key.
            document: the workflow.
            ref: of the step that asks.
        """
        given = self._given.get(workflow, {})
        self._answer = given[ref] if ref in given else answer_for(document, ref)

    def _respond(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if not str(request.url).startswith(MODELS["base_url"]):
            return _answer(self._answer)
        says: JsonObject = {"type": "text", "text": self._answer}
        if any(tool["name"] == _TOOL for tool in json.loads(request.content).get("tools", ())):
            says = {"type": "tool_use", "name": _TOOL, "input": self._answer}
        return _answer({"stop_reason": "end_turn", "content": [says]})


def _answer(body: JsonValue) -> httpx.Response:
    """Write an answer that is still to be read, as one of a network is."""
    return httpx.Response(200, stream=httpx.ByteStream(json.dumps(body).encode()))


def answer_for(document: JsonValue, ref: str) -> JsonValue:
    """Make what a server or model may answer to a step.

    A model answers as its schema says; a server with whatever the workflow reads of the data that
    nothing else brings.
    """
    steps = {step["ref"]: step for step in steps_within(document)}
    settings: JsonObject = steps[ref].get("settings") or {}
    if steps[ref]["type"] == "ai_agent":
        is_json = settings.get("response_type") == "json"
        return made_of(read_json(settings["response_schema"])) if is_json else "An answer."
    path = settings.get("response_path")
    if isinstance(path, str):
        read: JsonValue = _tree(_reads(document))
        for name in path.split("."):
            read = read.get(name) if isinstance(read, dict) else None
        return read
    known = {name for name, step in steps.items() if step["type"] == "ai_agent"}
    known |= {
        str(step["settings"]["response_path"]).partition(".")[0]
        for step in steps.values()
        if step["type"] == "http_fetch" and step["settings"].get("response_path")
    }
    schema = document.get("trigger_data_json_schema") if isinstance(document, dict) else None
    known |= set((schema or {}).get("properties") or {})
    return _tree(each for each in _reads(document) if each[0] not in known)


def _reads(value: JsonValue) -> Iterator[list[str]]:
    """Yield the places in the data that templates and conditions name, as lists of names."""
    if isinstance(value, str):
        for found in _READS.finditer(value):
            yield found[1].lstrip(".").split(".")
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _reads(member)


def _tree(places: Iterable[list[str]]) -> JsonObject:
    """Write an object that has something at each place: the name that stands there."""
    tree: JsonObject = {}
    for place in sorted(places, key=len, reverse=True):
        value: JsonValue = place[-1]
        for name in reversed(place):
            value = {name: value}
        _add(tree, value)
    return tree


def _add(tree: JsonValue, other: JsonValue) -> None:
    """Add the members of an object to another that lacks them; what is none stays as it is."""
    if isinstance(tree, dict) and isinstance(other, dict):
        for name, value in other.items():
            _add(tree.setdefault(name, value), value)
