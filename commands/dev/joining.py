"""What a command has to know to work on the stack of `make dev` that runs on this machine."""

from __future__ import annotations

from commands.dev.client import DevStackError, read_dev_stack
from commands.dev.home import Home
from commands.dev.parts import development_settings
from runtime.settings import Settings


def join_running_stack(settings: Settings) -> Settings:
    """Return settings that lead to the running embedded stack, unless they name another database.

    The key comes with the address: a command that had only the address would encrypt credentials
    with a key that the stack's own processes do not have.

    Args:
        settings: of the command; `home` says where the stack is looked for. What is set there
            stays as it is.
    """
    home = Home(settings.home.expanduser().absolute())
    try:
        stack = read_dev_stack(home.root)
    except (OSError, DevStackError):  # of another account, or of another version
        return settings
    names_database = "database_url" in settings.model_fields_set
    if stack is None or (names_database and settings.database_url != stack.database_url):
        return settings
    known = {
        **development_settings(home),
        "database_url": stack.database_url,
        "temporal_address": stack.temporal_address,
        "temporal_namespace": stack.temporal_namespace,
    }
    missing = {name: known[name] for name in known if name not in settings.model_fields_set}
    return Settings.model_validate({**settings.model_dump(exclude_unset=True), **missing})
