"""Events have one writer each: what they look like, and who hears of them, is decided once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.queries.events.writing import EVENTS

ROOT = Path(__file__).parents[2]
HOME = ROOT / "models" / "queries" / "events"
PRODUCT = ("activities", "api", "commands", "models", "services", "temporal_workflows")
_ADDING = r"(INSERT\s+INTO|COPY|UPDATE|MERGE\s+INTO)\s+{table}\b|insert_rows\(\s*[\"']{table}\b"


@pytest.mark.parametrize("table", EVENTS)
def test_nobody_else_writes_events(table: str) -> None:
    """Rows of events and of the outbox are written by `models/queries/events/`, and never changed.

    Others take the parts of statements from there: then no event is stored without its
    subscribers' hearing of it.
    """
    writes = re.compile(_ADDING.format(table=table), re.IGNORECASE)
    found = [
        str(path.relative_to(ROOT))
        for package in PRODUCT
        for path in (ROOT / package).rglob("*.py")
        if HOME not in path.parents and writes.search(path.read_text())
    ]
    assert found == []


def test_the_rule_finds_what_it_forbids() -> None:
    """The expression knows the home of the writers as one that writes."""
    text = (HOME / "writing.py").read_text()
    for table in EVENTS:
        assert re.search(_ADDING.format(table=table), text), table
