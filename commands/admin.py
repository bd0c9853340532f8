"""`carillon admin`: what the admin API does, from a shell on the same database.

Answers are the admin API's, as JSON. Settings are read from a file or standard input, never from
an argument, so that credentials do not show in the list of processes.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Sequence

from commands import actions
from commands.actions import Action, Arguments
from domain.kit.json_types import JsonValue
from runtime.settings import Settings
from services.composition import open_for_command

# The module of an action, by the first word of its name.
MODULES = {
    "audience": "file_actions",
    "batch": "operator_actions",
    "broadcast": "file_actions",
    "bulk": "file_actions",
    "channel": "channel_actions",
    "default": "channel_actions",
    "environment": "account_actions",
    "key": "key_actions",
    "message": "operator_actions",
    "messages": "operator_actions",
    "preferences": "preference_actions",
    "recover": "operator_actions",
    "run": "operator_actions",
    "schedule": "schedule_actions",
    "security": "account_actions",
    "signing": "account_actions",
    "source": "source_actions",
    "token": "key_actions",
    "webhook": "webhook_actions",
}


class _Words:
    """Reads the words of an action, and imports no other than the module that has it."""

    def parse_args(self, words: Sequence[str]) -> Arguments:
        """Return what the words mean; ends the process where they mean nothing, or ask for help."""
        own = MODULES.get(words[0].partition("-")[0]) if words else None
        for name in [own] if own else sorted(set(MODULES.values())):
            importlib.import_module(f"commands.{name}")
        return actions.PARSER.parse_args(words)


PARSER = _Words()
actions.PARSER.description = __doc__


def main(settings: Settings, parsed: Arguments) -> int:
    """Run one administrative action and print its answer. Raises AppError."""
    action: Action = parsed.action

    async def run() -> JsonValue:
        async with open_for_command(settings, process="admin") as engine:
            return await action(engine, parsed)

    answer = asyncio.run(run())
    if answer is not None:
        print(json.dumps(answer, indent=2))
    return 0
