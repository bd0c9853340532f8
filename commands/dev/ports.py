"""Ports of the embedded stack: the wanted one, or a free one that nobody else will take."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Mapping
from pathlib import Path

from commands.embedded.errors import EmbeddedError

# A port that outgoing connections may use could be taken while the child that owns it restarts.
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 12_000, 32_000
_TRIES = 200


def choose_port(wanted: int, variable: str, host: str = "127.0.0.1") -> int:
    """Return a port to listen on.

    Args:
        wanted: the port, or 0 for any free one.
        variable: the setting that chooses it, named in the error.
        host: the address it is for.

    Raises:
        EmbeddedError: another program has it.
    """
    if wanted == 0:
        return _free_port(host)
    if not is_free(wanted, host):
        raise EmbeddedError(
            f"Port {wanted} is in use. Set {variable} to another port, or to 0 for any free one."
        )
    return wanted


def refuse_equal(wanted: Mapping[str, int]) -> None:
    """Check that no two parts are to have the same port.

    Args:
        wanted: ports by the setting that chooses them; 0 stands for any free one.

    Raises:
        EmbeddedError: two are equal.
    """
    owners: dict[int, str] = {}
    for variable, port in wanted.items():
        if port and port in owners:
            raise EmbeddedError(
                f"{owners[port]} and {variable} are both {port}. Set one of them to another port, "
                "or to 0 for any free one."
            )
        owners[port] = variable


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen on a port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Connections that linger from the last run must not look like a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise EmbeddedError(f"Cannot listen on {host}: {error.strerror}.") from error
    return True


def _free_port(host: str) -> int:
    try:
        first_ephemeral = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):  # not Linux
        first_ephemeral = _HIGHEST
    highest = min(_HIGHEST, first_ephemeral - 1)
    for _ in range(_TRIES):
        port = random.randint(_LOWEST, max(highest, _LOWEST + 1_000))  # noqa: S311 - no secret
        if is_free(port, host):
            return port
    raise EmbeddedError("No free port was found.")
