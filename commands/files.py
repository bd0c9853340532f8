"""Files: written whole or not at all, and what is said of one that cannot be read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from domain.kit.errors import InvalidParams


def unreadable(path: Path, error: OSError | ValueError) -> InvalidParams:
    """Return the refusal of a file that cannot be read, which names it once and says why."""
    why = (isinstance(error, OSError) and error.strerror) or str(error)
    return InvalidParams.of(str(path), f"cannot be read: {why}")


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a reader or a crash never meets half of it.

    Only its owner may read it.

    Args:
        path: the file; its folder must exist.
        content: what it holds afterwards.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
