"""Requests that schemathesis makes of an OpenAPI document, and what is wrong with their answers.

Half of them fit the document and half do not. Some of both name what is there, so that they get
past the door. The same seed sends the same requests.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import hypothesis
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import APIOperation, Case, GenerationMode

from domain.kit.json_types import JsonObject
from tests.fuzz.target import Face
from tests.support.documented_answers import AnswerCheck, own_check

# A file is sent as it was made.
schemathesis.serializer.alias("text/csv", "text/plain")
# Longer than the server waits for anything.
_ANSWER_SECONDS = 30.0
# A body whose schema is this long, in characters, takes long to make too: fewer are sent.
_LONG_SCHEMA = 40_000
_FEWER = 5
_REFERENCE = re.compile(r'"#/components/schemas/(\w+)"')
# How often a request names what is there: in its path, and in a member of its body or query.
_HONEST = 0.8
_NAMES = 0.5


@dataclass(frozen=True)
class Fault:
    """What was wrong with an answer, and the request that got it, which makes no difference."""

    operation: str
    problem: str
    request: str = field(compare=False)

    def __str__(self) -> str:
        """Write all of it, to be read and sent again."""
        return f"{self.operation}: {self.problem}\n    {self.request}"


@dataclass
class Tally:
    """What came back; each kind of fault of an operation once, told as soon as it is found."""

    told: Callable[[Fault], None]
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def note(self, fault: Fault) -> None:
        """Keep a fault, unless one like it was found."""
        if fault not in self.faults:
            self.faults.append(fault)
            self.told(fault)

    @property
    def sent(self) -> int:
        """Count the requests."""
        return self.statuses.total()


class Fuzzer:
    """Sends requests of one face."""

    def __init__(self, face: Face, address: str, tally: Tally) -> None:
        schema = schemathesis.openapi.from_dict(face.document)
        found = [result.ok() for result in schema.get_all_operations()]
        self._operations = sorted(found, key=lambda one: _harm(one.method, one.path))
        self._face = face
        self._shapes: JsonObject = face.document["components"]["schemas"]
        self._tally = tally
        self._check: AnswerCheck = own_check()
        self._client = httpx.Client(base_url=address, timeout=_ANSWER_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def round(self, examples: int, seed: int) -> None:
        """Send so many requests of each kind to every operation, what deletes last."""
        for operation in self._operations:
            body = operation.definition.raw.get("requestBody", {})
            is_long = _length(body, self._shapes) >= _LONG_SCHEMA
            count = max(1, examples // _FEWER) if is_long else examples
            for mode in GenerationMode:
                self._send_all(operation, mode, count, seed)

    def _send_all(
        self, operation: APIOperation, mode: GenerationMode, examples: int, seed: int
    ) -> None:
        chance = random.Random(f"{seed} {operation.label} {mode}")

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(operation.as_strategy(generation_mode=mode))
        def send(case: Case) -> None:
            self._send(case, chance)

        send()

    def _send(self, case: Case, chance: random.Random) -> None:
        request = self._request(case, chance)
        if request is None:
            return
        try:
            response = self._client.send(request)
        except httpx.TimeoutException:
            self._note(case, request, f"no answer within {_ANSWER_SECONDS:.0f} s")
            return
        except httpx.LocalProtocolError:
            return  # a header that no client can send
        self._tally.statuses[response.status_code] += 1
        if response.status_code >= 500:
            self._note(case, request, f"{response.status_code} {response.text[:300]}")
            return
        self._check.look_at(response)
        for problem in self._check.take():
            self._note(case, request, problem)

    def _request(self, case: Case, chance: random.Random) -> httpx.Request | None:
        """Make of a case what is sent, or None of one that cannot be written as HTTP."""
        if chance.random() < _HONEST:
            case.path_parameters = {**case.path_parameters, **self._known(case)}
        for part in (case.body, case.query):
            if isinstance(part, dict):
                part |= {
                    name: self._face.members[name]
                    for name in part.keys() & self._face.members.keys()
                    if chance.random() < _NAMES
                }
        made = case.as_transport_kwargs(base_url=str(self._client.base_url).rstrip("/"))
        headers = {name.lower(): value for name, value in made["headers"].items()}
        headers["authorization"] = f"Bearer {self._face.credential}"
        content = json.dumps(made["json"]) if "json" in made else made.get("data")
        try:
            return self._client.build_request(
                made["method"],
                made["url"],
                params=[*_pairs(made.get("params") or {})],
                headers={name: value.encode("latin-1") for name, value in headers.items()},
                content=content if isinstance(content, str | bytes) else None,
            )
        except (UnicodeEncodeError, httpx.InvalidURL):
            return None

    def _known(self, case: Case) -> dict[str, str]:
        known = self._face.known(case.path)
        return {name: known[name] for name in case.path_parameters.keys() & known.keys()}

    def _note(self, case: Case, request: httpx.Request, problem: str) -> None:
        body = request.content.decode(errors="backslashreplace")
        sent = f"{request.method} {request.url} {body}"
        self._tally.note(Fault(case.operation.label, problem, sent[:3000]))


def _harm(method: str, path: str) -> tuple[bool, bool]:
    is_harmful = method.upper() == "DELETE" or "/delete" in path or "merge" in path
    return is_harmful, method.upper() != "GET"


def _length(node: JsonObject, shapes: JsonObject, within: frozenset[str] = frozenset()) -> int:
    """Return how long a schema is with every shape put where it is referred to."""
    text = json.dumps(node)
    names = [name for name in _REFERENCE.findall(text) if name not in within]
    return len(text) + sum(_length(shapes[name], shapes, within | {name}) for name in names)


def _pairs(query: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a query as it is written: lists as repeated names, members in brackets."""
    for name, value in query.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from _pairs({f"{name}[{key}]": inner for key, inner in one.items()})
            else:
                yield name, one if isinstance(one, str) else json.dumps(one)
