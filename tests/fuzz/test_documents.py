"""Requests made of our own documents, the same ones in every run; `make fuzz` sends many more."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from commands.embedded.postgres import EmbeddedPostgres
from tests.fuzz.requests import Fault, Fuzzer, Tally
from tests.fuzz.target import target_on
from tests.support.account import Seeded
from tests.support.postgres import new_database

_SEED = 20261126


@pytest.mark.timeout(600)
async def test_every_answer_is_as_documented(postgres: EmbeddedPostgres) -> None:
    """Nothing is a fault of ours, breaks its schema, or is not answered.

    Enough of them get past the door, and enough are refused: so this tries both.
    """
    found: list[Fault] = []
    tally = Tally(found.append)
    seeded = await asyncio.to_thread(Seeded.on, new_database(postgres))
    async with target_on(seeded) as target:
        for face in target.faces:
            with contextlib.closing(Fuzzer(face, target.address, tally)) as fuzzer:
                await asyncio.to_thread(fuzzer.round, 1, _SEED)
    assert not found, "\n".join(map(str, found))
    served = sum(count for status, count in tally.statuses.items() if status < 300)
    assert 0.1 < served / tally.sent < 0.9, tally.statuses
