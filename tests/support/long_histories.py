"""Lets a history of a few events count as long, where a server says so of thousands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest.mock import patch

from temporalio import workflow


@contextlib.contextmanager
def long_after(events: int) -> Iterator[None]:
    """Have runs told that a new history is advisable once theirs has more than these events."""

    def is_long(info: workflow.Info) -> bool:
        return info.get_current_history_length() > events

    with patch.object(workflow.Info, "is_continue_as_new_suggested", is_long):
        yield
