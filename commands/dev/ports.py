"""Ports of the embedded stack: the wanted one, or a free one that nobody else will take."""

from __future__ import annotations

import errno
import random
import socket
from dataclasses import dataclass
from pathlib import Path

from commands.embedded.errors import EmbeddedError

LOOPBACK = "127.0.0.1"
# A port that outgoing connections may use could be taken while the child that owns it restarts.
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 12_000, 32_000
_TRIES = 200


@dataclass(frozen=True, slots=True)
class WantedPort:
    """A port that a part is to listen on.

    Attributes:
        variable: the setting that chooses it, named in errors.
        port: the port, or 0 for any free one.
        host: the address it is for.
    """

    variable: str
    port: int
    host: str = LOOPBACK


def choose_ports(*wanted: WantedPort) -> list[int]:
    """Return the ports to listen on, in the order in which they are wanted.

    Raises:
        EmbeddedError: two are equal, or other programs have some; all of these are named.
    """
    owners: dict[int, str] = {}
    for one in wanted:
        if one.port and one.port in owners:
            raise EmbeddedError(
                f"{owners[one.port]} and {one.variable} are both {one.port}. Set one of them to "
                "another port, or to 0 for any free one."
            )
        owners[one.port] = one.variable
    taken = [one for one in wanted if one.port and not is_free(one.port, one.host)]
    if len(taken) == 1:
        raise EmbeddedError(
            f"Port {taken[0].port} is in use. Set {taken[0].variable} to another port, or to 0 for "
            "any free one."
        )
    if taken:
        named = [f"{one.port} ({one.variable})" for one in taken]
        raise EmbeddedError(
            f"Ports {', '.join(named[:-1])} and {named[-1]} are in use. Set each to another port, "
            "or to 0 for any free one."
        )
    chosen: list[int] = []
    for one in wanted:
        port = one.port or free_port(one.host)
        # Nobody listens yet on what other parts are given.
        while not one.port and (port in owners or port in chosen):
            port = free_port(one.host)
        chosen.append(port)
    return chosen


def is_free(port: int, host: str = LOOPBACK) -> bool:
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


def free_port(host: str = LOOPBACK) -> int:
    """Return a port on which nobody listens, and which no outgoing connection takes."""
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
