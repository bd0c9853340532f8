"""HTTP behind the guard: connection pools that dial only the addresses that it admits."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from outbound.client_certificates import CLIENT_CERTIFICATE, ClientCertificate
from outbound.egress import EgressPolicy, EgressRefused, Guard, Resolver, resolve

# An extension of requests to servers that speak nothing else.
NEEDS_HTTP2 = "needs_http2"
_SCHEMES = ("https", "http")
# What a connection is made with: whether it speaks HTTP/2, and the certificate that it shows.
_Kind = tuple[bool, ClientCertificate | None]
# Connections with so many certificates are kept, and those of others while they are in use.
_MOST_CERTIFICATES = 16


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Open TCP connections only to addresses that the guard admits."""

    def __init__(self, guard: Guard, *, tls: bool) -> None:
        self._guard = guard
        self._tls = tls
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, judge, and connect to the first judged address that answers."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._guard.addresses(host, port, tls=self._tls)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("resolving the host took too long") from error
        except OSError as error:
            raise httpcore.ConnectError("resolving the host failed for now") from error
        share = None if timeout is None else timeout / len(addresses)
        last: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last or httpcore.ConnectError("no address to connect to")


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport behind the guard, with connection pools of its own for each scheme.

    Plain http is admitted to private addresses only. A request that needs HTTP/2, which is spoken
    with nobody else, or that brings a certificate, goes over connections for such requests alone.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        *,
        resolver: Resolver = resolve,
        tls: Callable[[], ssl.SSLContext] = httpx.create_ssl_context,
        connections: int = 100,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._tls = tls
        self._connections = connections
        self._pools: dict[_Kind, Mapping[str, _GuardedPool]] = {}
        self._pools_of((False, None))

    def _pools_of(self, kind: _Kind) -> Mapping[str, _GuardedPool]:
        """Return the pools for requests of a kind, as those that were used last."""
        pools = self._pools.pop(kind, None) or self._open_pools(*kind)
        self._pools[kind] = pools
        return pools

    def _open_pools(
        self, is_http2: bool, certificate: ClientCertificate | None
    ) -> Mapping[str, _GuardedPool]:
        # Each kind has a context of its own: a pool writes into it which protocol it offers.
        context = self._tls()
        if certificate is not None:
            try:
                certificate.show_in(context)
            except (ValueError, TypeError, ssl.SSLError) as error:
                raise EgressRefused("the client certificate cannot be used") from error
        return {
            scheme: _GuardedPool(
                GuardedBackend(Guard(self._policy, self._resolver), tls=scheme == "https"),
                context,
                self._connections,
                http2=is_http2,
            )
            for scheme in _SCHEMES
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises EgressRefused when it must not leave."""
        scheme = request.url.scheme
        if scheme not in _SCHEMES or (scheme == "http" and not self._policy.allow_private):
            raise EgressRefused("the URL must use https")
        if not request.url.host:
            raise EgressRefused("the URL names no host")
        is_http2 = bool(request.extensions.get(NEEDS_HTTP2))
        kind = (is_http2, request.extensions.get(CLIENT_CERTIFICATE))
        if kind[1] is not None and kind not in self._pools:
            await self._close_unused()
        pool = self._pools_of(kind)[scheme]
        try:
            return await pool.handle_async_request(request)
        except httpx.LocalProtocolError:
            # Requests that were given up count on their connection, until it takes no others.
            if is_http2:
                await pool.close_idle()
            raise

    async def _close_unused(self) -> None:
        """Make room for another certificate among those that have not been shown for longest."""
        certified = [kind for kind in self._pools if kind[1] is not None]
        for kind in certified[: max(len(certified) - _MOST_CERTIFICATES + 1, 0)]:
            if all(pool.is_idle() for pool in self._pools[kind].values()):
                await _close(self._pools.pop(kind))
                return

    async def aclose(self) -> None:
        """Close all connections."""
        for pools in self._pools.values():
            await _close(pools)


async def _close(pools: Mapping[str, _GuardedPool]) -> None:
    for pool in pools.values():
        await pool.aclose()


class _GuardedPool(httpx.AsyncHTTPTransport):
    """httpx's own transport over a connection pool that dials through the guard."""

    def __init__(
        self, backend: GuardedBackend, tls: ssl.SSLContext, connections: int, *, http2: bool
    ) -> None:
        # httpx offers no argument for the network backend (0.28), so its pool is replaced; the
        # tests of the guard fail should a new version look for the pool under another name.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            max_keepalive_connections=connections // 5,
            # Who speaks HTTP/2 wants to be asked many times over one connection.
            keepalive_expiry=60.0 if http2 else 5.0,
            http1=not http2,
            http2=http2,
            network_backend=backend,
        )

    def is_idle(self) -> bool:
        """Tell whether no request is under way."""
        connections = self._pool.connections
        return all(connection.is_idle() or connection.is_closed() for connection in connections)

    async def close_idle(self) -> None:
        """Close the connections that have no request under way."""
        for connection in self._pool.connections:
            if connection.is_idle():
                await connection.aclose()


def guarded_client(
    policy: EgressPolicy,
    *,
    resolver: Resolver = resolve,
    tls: Callable[[], ssl.SSLContext] = httpx.create_ssl_context,
) -> httpx.AsyncClient:
    """Build the HTTP client that a worker shares among its providers and fetch steps.

    It follows no redirect, keeps no cookie (customers share it) and ignores proxy variables.
    """
    return httpx.AsyncClient(
        transport=GuardedTransport(policy, resolver=resolver, tls=tls),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": "Carillon"},
    )
