"""Find a running embedded stack from a script: read its `dev.json`, wait for it, stop it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from commands.files import write_atomically
from commands.processes import is_alive
from commands.seed.keys import EnvironmentKeys, SeededChannel

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class StackPids:
    """Process ids; None for a part that the stack did not start itself."""

    supervisor: int
    api: int | None
    workers: list[int]
    temporal: int | None
    postgres: int | None


@dataclass(frozen=True, slots=True)
class DevStack:
    """Everything that scripts need of a running stack; the fields are the keys of `dev.json`.

    Attributes:
        environments: keys by the slug of the environment; empty where one was revoked.
        channels: the seeded channels by channel type.
        warnings: sentences about what will not work although the stack is ready.
    """

    api_url: str
    docs_url: str
    temporal_address: str
    temporal_namespace: str
    temporal_ui_url: str | None
    database_url: str
    smtp_address: str
    mail_dir: str
    service_token: str
    environments: dict[str, EnvironmentKeys]
    channels: dict[str, SeededChannel]
    pids: StackPids
    warnings: list[str] = field(default_factory=list)


class DevStackError(Exception):
    """The stack is not there, or did not do what was asked in time."""


def dev_file(home: Path) -> Path:
    """Return where the stack with this data folder describes itself."""
    return home / "dev.json"


def write_dev_stack(home: Path, stack: DevStack) -> None:
    """Describe a ready stack to scripts; only its owner may read the keys."""
    write_atomically(dev_file(home), json.dumps(asdict(stack), indent=2).encode())


def read_dev_stack(home: Path) -> DevStack | None:
    """Return the running stack of a data folder, or None when none is ready."""
    try:
        stack = TypeAdapter(DevStack).validate_json(dev_file(home).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise DevStackError(f"{dev_file(home)} does not describe a stack.") from error
    return stack if is_alive(stack.pids.supervisor) else None


async def wait_for_dev_stack(home: Path, *, seconds: float = 60.0) -> DevStack:
    """Return the stack once it is ready.

    Raises:
        DevStackError: it was not ready in time.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < deadline:
        if (stack := read_dev_stack(home)) is not None:
            return stack
        await asyncio.sleep(_POLL_SECONDS)
    raise DevStackError(f"The stack did not become ready in {home} within {seconds:g} s.")


async def stop_dev_stack(stack: DevStack, *, seconds: float = 60.0) -> None:
    """Ask a stack to stop and return when its supervisor is gone.

    Raises:
        DevStackError: it did not stop in time.
    """
    supervisor = stack.pids.supervisor
    if is_alive(supervisor):
        os.kill(supervisor, signal.SIGTERM)
    deadline = asyncio.get_running_loop().time() + seconds
    while is_alive(supervisor):
        if asyncio.get_running_loop().time() > deadline:
            raise DevStackError(f"The stack {supervisor} did not stop within {seconds:g} s.")
        await asyncio.sleep(_POLL_SECONDS)
