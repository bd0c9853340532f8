"""The description of a stack that nobody has started."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from commands.dev.client import DevStack, StackPids


def described_stack(home: Path, **changes: Any) -> DevStack:
    """Return a description as a stack with this data folder writes it; we are its supervisor."""
    stack = DevStack(
        api_url="http://127.0.0.1:9",
        docs_url="http://127.0.0.1:9/docs",
        temporal_address="127.0.0.1:9",
        temporal_namespace="default",
        temporal_ui_url=None,
        database_url="postgresql://postgres@/carillon?host=/tmp/of-the-stack",
        smtp_address="127.0.0.1:9",
        mail_dir=str(home / "mail"),
        service_token="",
        environments={},
        channels={},
        pids=StackPids(os.getpid(), None, [], None, None),
    )
    return replace(stack, **changes)
