"""Environments of processes: what children are given, and what a library reads from our own."""

from __future__ import annotations

import os

from pydantic import SecretStr

_NAME_LOOKUPS_AT_ONCE = 32


def as_variable(value: object) -> str:
    """Write the value of a setting as its environment variable holds it; None as nothing."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value)


def widen_name_lookups() -> None:
    """Let the event loop look up more names at once than the four that libuv's threads allow.

    One slow name server would otherwise hold up every webhook, mail and reconnect of a process.
    Call it before the loop has looked up anything; an operator's own value stays.
    """
    os.environ.setdefault("UV_THREADPOOL_SIZE", str(_NAME_LOOKUPS_AT_ONCE))


def child_environment(**overrides: str) -> dict[str, str]:
    """Return this process's environment with overrides, for processes that we start."""
    return {**os.environ, **overrides}
