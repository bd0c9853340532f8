"""`make bench-lists` reads every list of the Knock API, with every filter of its document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import uuid4

import pytest

from api.reference.routes import knock_document
from bench.list_cases import Case, Crowd, cases
from domain.kit.json_types import JsonObject

# They choose a page, or what is shown of it, and not its rows.
_NO_FILTERS = {"after", "before", "page_size", "locale", "exclude"}
_CASES = cases(Crowd(*(str(uuid4()) for _ in range(5))))


def _lists() -> Mapping[str, set[str]]:
    """Return the filters of each list, by its path."""
    found = {}
    for path, item in knock_document()["paths"].items():
        parameters: list[JsonObject] = item.get("get", {}).get("parameters", [])
        names = {one["name"] for one in parameters if one["in"] == "query"}
        if "page_size" in names:
            found[path] = {_bare(name) for name in names} - _NO_FILTERS
    return found


def _bare(name: str) -> str:
    """Return a parameter without the brackets that one client writes, and another does not."""
    bounds = re.fullmatch(r"(\w+)[.\[](gte?|lte?)\]?", name)
    return f"{bounds[1]}.{bounds[2]}" if bounds else name.partition("[")[0]


def _reads(case: Case, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), f"/v1/{case.path}") is not None


@pytest.mark.parametrize(("path", "filters"), _lists().items())
def test_every_filter_is_read(path: str, filters: set[str]) -> None:
    """A filter that nobody measures is the one that has no index."""
    of_it = [case for case in _CASES if _reads(case, path)]
    assert of_it
    assert filters - {_bare(name) for case in of_it for name in case.query} == set()
