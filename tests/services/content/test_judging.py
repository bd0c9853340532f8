"""Documents are judged whatever their members are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest

from domain.content.kind import KindOfContent
from domain.content.kinds import KINDS
from domain.content.workflow import WORKFLOW
from domain.kit.authored import ChannelTypes
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonValue
from services.content.judging import judge_document
from tests.support.documents import DOCUMENTS
from tests.support.steps import agent_step, email_step, workflow


def _places(value: JsonValue) -> Iterator[tuple[str | int, ...]]:
    """Yield the way to everything within a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value or ())
    for name, member in members:
        yield (name,)
        if isinstance(member, dict | list):
            yield from ((name, *rest) for rest in _places(member))


def _with(document: Any, place: tuple[Any, ...], odd: JsonValue) -> Any:
    changed = whole = deepcopy(document)
    for name in place[:-1]:
        changed = changed[name]
    changed[place[-1]] = odd
    return whole


_STEPS = [
    email_step(template={"subject": "a", "html_body": "b", "settings": {"layout_key": "c"}}),
    agent_step(),
]


@pytest.mark.parametrize("odd", [None, True, 5, "x", "{{", [], [{}], {}, {"a": []}], ids=repr)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_member_of_another_type_is_no_fault_of_ours(
    kind: KindOfContent[Any], odd: JsonValue
) -> None:
    """Whichever member it is, what is sent is refused at most, and what is stored is read."""
    documents = [DOCUMENTS[kind.name]]
    if kind is WORKFLOW:
        documents += [workflow("Plain", step) for step in _STEPS]
    for document in documents:
        for place in _places(document):
            raw = _with(document, place, odd)
            with suppress(InvalidParams):
                judge_document(kind, "plain", raw, ChannelTypes())
            read = kind.read(raw, "plain")
            for part in (kind.references, kind.templates, kind.files, kind.schemas):
                assert all(part(read))
