"""What people see of a running stack: its addresses and keys, and warnings out of its logs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from commands.dev.client import DevStack

_POLL_SECONDS = 0.5
_REVOKED = "(revoked)"
_MOST_LINES = 5
_ALARMING = re.compile(
    r"\[(?:warning|error|critical)\s*\]"  # our own text logs
    r'|"level": ?"(?:warning|error|critical)"'  # our own JSON logs
    r"|level=(?:WARN|ERROR)"  # Temporal
    r"|\b(?:PANIC|FATAL): "  # PostgreSQL; its ERROR lines are the client's to tell
    r"|^\w*(?:Error|Exception)\b"  # the last line of a traceback
)
# What PostgreSQL says to each client while it comes back; the restart itself is told elsewhere.
_EXPECTED = re.compile(r"FATAL: +(?:the database system is |terminating connection )")


def banner(stack: DevStack) -> str:
    """Return what a newcomer needs of a ready stack."""
    lines = [
        "",
        "Carillon is ready.",
        "",
        f"  API            {stack.api_url}",
        f"  Docs           {stack.docs_url}",
        f"  Temporal UI    {stack.temporal_ui_url or 'that of your own Temporal'}",
        f"  Mail           {stack.mail_dir} (SMTP on {stack.smtp_address})",
        "",
    ]
    for slug, keys in stack.environments.items():
        lines += [
            f"  {slug + ' secret key':<24} {keys.secret_key or _REVOKED}",
            f"  {slug + ' public key':<24} {keys.public_key or _REVOKED}",
        ]
    lines += [f"  {'service token':<24} {stack.service_token or _REVOKED}", "", "  Channels"]
    lines += [f"    {kind:<14} {each.key:<14} {each.id}" for kind, each in stack.channels.items()]
    lines += [line for warning in stack.warnings for line in ("", f"Warning: {warning}")]
    development = stack.environments.get("development")
    key = (development and development.secret_key) or "sk_…"
    first_request = (
        f"  curl {stack.api_url}/v1/workflows/welcome/trigger "
        f"-H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' "
        """-d '{"recipients": [{"id": "ada", "name": "Ada", "email": "ada@example.com"}]}'"""
    )
    lines += ["", "Try it:", "", first_request, "", "Ctrl-C stops everything.", ""]
    return "\n".join(lines)


async def follow_logs(logs: Iterable[Path], say: Callable[[str], None]) -> None:
    """Repeat warnings and errors of log files, from their present ends on, until cancelled."""
    positions = {log: _size(log) for log in logs}
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        for log, position in positions.items():
            if (size := _size(log)) != position:
                positions[log] = _repeat(log, position if size > position else 0, say)


def _repeat(log: Path, position: int, say: Callable[[str], None]) -> int:
    """Say the alarming lines from a position on, a few at most, and return the new position."""
    with log.open("rb") as file:
        file.seek(position)
        content = file.read()
    whole, newline, _ = content.rpartition(b"\n")
    lines = whole.decode(errors="replace").split("\n")
    alarming = [line for line in lines if _ALARMING.search(line) and not _EXPECTED.search(line)]
    for line in alarming[:_MOST_LINES]:
        say(f"{log.stem} | {line.strip()}")
    if len(alarming) > _MOST_LINES:
        say(f"{log.stem} | … and {len(alarming) - _MOST_LINES} more in {log}")
    return position + len(whole) + len(newline)


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0
