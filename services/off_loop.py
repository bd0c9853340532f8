"""Threads for rendering that takes long, so that the other runs of this process go on.

Not the event loop's default threads: those serve name look-ups too, and there are more of them
than processors, which only makes renderings take turns.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import cache
from typing import TypeVar

T = TypeVar("T")


async def off_loop(work: Callable[[], T]) -> T:
    """Run a function in a rendering thread, and return or raise what it does."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), copy_context().run, work)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="rendering")
