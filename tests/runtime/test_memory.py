"""What a process has loaded is not searched for garbage while it serves."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from api.main import create_app
from runtime.memory import settle_memory
from runtime.settings import Settings


class _Knot:
    """Something that refers to itself, and is only found by a search."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def unsettled() -> Iterator[None]:
    """Let what is settled here be searched again afterwards."""
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_is_loaded_is_left_out_and_garbage_is_not_kept() -> None:
    """Garbage of before is cleared away first: nobody would ever find it again."""
    gone = weakref.ref(_Knot())
    settle_memory()
    assert gone() is None
    assert gc.get_freeze_count() > 10_000
    kept = [object() for _ in range(3)]
    assert any(one is kept for one in gc.get_objects())


async def test_an_api_process_settles_when_it_begins_to_serve() -> None:
    """Before its first request."""
    app = create_app(Settings())
    async with app.router.lifespan_context(app):
        assert gc.get_freeze_count() > 10_000
