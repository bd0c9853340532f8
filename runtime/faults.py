"""Tell of a fault of ours without quoting it: exceptions may carry customers' data."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import TypedDict
from uuid import uuid4

_PLACES = 6


class Fault(TypedDict):
    """An id to find it by, the exception's type, and where it came from, innermost last."""

    fault: str
    error: str
    places: list[str]


def describe_fault(error: BaseException) -> Fault:
    """Describe an unexpected exception for logs and records; its text is left out."""
    frames = traceback.extract_tb(error.__traceback__)[-_PLACES:]
    places = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return Fault(fault=uuid4().hex[:12], error=type(error).__name__, places=places)
