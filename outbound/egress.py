"""The guard on outgoing connections: which addresses may be reached, and only those are dialled.

A name is resolved once, every address it gives is judged, and the connection goes to a judged
address, so that a name which resolves differently the second time gains nothing. TLS and the
`Host` header still carry the name.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

IPAddress = IPv4Address | IPv6Address
# Takes a host and a port, returns the addresses; raises socket.gaierror like getaddrinfo.
Resolver = Callable[[str, int], Awaitable[list[str]]]

# Addresses where clouds answer with credentials. Some lie in ranges that look harmless: Azure's
# is public, those of Alibaba and AWS (IPv6) are private, Oracle's is reserved.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
_SHARED = IPv4Network("100.64.0.0/10")
_PRIVATE_4 = (
    IPv4Network("10.0.0.0/8"),
    IPv4Network("172.16.0.0/12"),
    IPv4Network("192.168.0.0/16"),
)
_UNIQUE_LOCAL = IPv6Network("fc00::/7")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# Prefixes that carry an IPv4 address in their last 32 bits.
_EMBEDDING = (
    IPv6Network("::/96"),
    IPv6Network("::ffff:0:0/96"),
    IPv6Network("::ffff:0:0:0/96"),
    IPv6Network("64:ff9b::/96"),
)
_MOST_ADDRESSES = 4


class Reach(StrEnum):
    """How far an address is from us."""

    PUBLIC = "public"
    PRIVATE = "private"
    FORBIDDEN = "forbidden"


class EgressRefused(httpx.TransportError):
    """The guard does not let this request out; trying again would not help."""


class HostUnresolved(EgressRefused):
    """The host's name has no address."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What outgoing requests may reach.

    Attributes:
        allow_private: let loopback and private networks be reached, over http as well. Cloud
            metadata, link-local, multicast and reserved addresses stay refused.
        trusted_hosts: names, in lower case, for which private networks are allowed all the same.
    """

    allow_private: bool = False
    trusted_hosts: frozenset[str] = frozenset()

    def refusal(self, address: IPAddress, *, tls: bool, trusted: bool = False) -> str | None:
        """Say why `address` may not be reached, or None when it may."""
        reach = classify(address)
        if reach is Reach.FORBIDDEN:
            return "the host resolves to a reserved, link-local or metadata address"
        if reach is Reach.PRIVATE and not (self.allow_private or trusted):
            return "the host resolves to a private or loopback address"
        if reach is Reach.PUBLIC and not tls:
            return "the URL must use https"
        return None


def classify(address: IPAddress) -> Reach:
    """Judge one address; IPv6 forms that wrap an IPv4 address are judged by what they wrap."""
    plain = _unwrap(address)
    if address in _METADATA or plain in _METADATA:
        return Reach.FORBIDDEN
    if isinstance(plain, IPv4Address):
        is_private = plain in _SHARED or any(plain in network for network in _PRIVATE_4)
        is_public = plain.is_global and not (plain.is_multicast or plain.is_reserved)
    else:
        is_private = plain in _UNIQUE_LOCAL
        is_public = plain.is_global and plain in _GLOBAL_UNICAST
    if plain.is_loopback or is_private:
        return Reach.PRIVATE
    return Reach.PUBLIC if is_public else Reach.FORBIDDEN


def _unwrap(address: IPAddress) -> IPAddress:
    if isinstance(address, IPv4Address) or address in (IPv6Address("::"), IPv6Address("::1")):
        return address
    if any(address in network for network in _EMBEDDING):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return address


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver for the addresses of `host`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """Finds the addresses of a host that may be reached, and opens connections to them."""

    policy: EgressPolicy
    resolver: Resolver = resolve

    async def addresses(self, host: str, port: int, *, tls: bool = True) -> list[str]:
        """Resolve a host and judge every address; without `tls` public ones are refused.

        Raises:
            EgressRefused: the host, or one of its addresses, may not be reached.
            HostUnresolved: it has no address.
            OSError: it could not be resolved for now.
        """
        try:
            addresses = await self.resolver(host, port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise
            raise HostUnresolved("the host cannot be resolved") from error
        except UnicodeError as error:
            raise EgressRefused("the host is not a valid name") from error
        if not addresses:
            raise HostUnresolved("the host cannot be resolved")
        trusted = host.lower() in self.policy.trusted_hosts
        for address in addresses:
            # One bad address condemns the name: a mixed answer is the mark of an attack.
            reason = self.policy.refusal(ip_address(address), tls=tls, trusted=trusted)
            if reason is not None:
                raise EgressRefused(reason)
        return addresses[:_MOST_ADDRESSES]

    async def dial(self, host: str, port: int, timeout: float) -> socket.socket:
        """Open a TCP connection for a protocol that is not HTTP, within `timeout` seconds.

        Raises what `addresses` raises, and OSError (TimeoutError too) when nothing answers.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout):
            addresses = await self.addresses(host, port)
            last: OSError | None = None
            for address in addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                connection = socket.socket(family, socket.SOCK_STREAM)
                try:
                    connection.setblocking(False)
                    async with asyncio.timeout(timeout / len(addresses)):
                        await loop.sock_connect(connection, (address, port))
                except OSError as error:
                    connection.close()
                    last = error
                except BaseException:
                    connection.close()
                    raise
                else:
                    return connection
            raise last or OSError("no address to connect to")
