"""The guard on outgoing requests: which addresses it lets through, and that it cannot be fooled."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbound import transport
from outbound.client_certificates import CLIENT_CERTIFICATE, ClientCertificate
from outbound.egress import EgressPolicy, EgressRefused, HostUnresolved, Reach, classify, resolve
from outbound.transport import NEEDS_HTTP2, guarded_client
from tests.providers.servers import (
    Http2Server,
    HttpServer,
    certificate,
    certify,
    reply,
    serving,
    serving_as,
)

REPLIES = {"/": reply(200, b"here", set_cookie="a=b"), "/jump": reply(302, location="/")}
OPEN = EgressPolicy(allow_private=True)


class Names:
    """A resolver whose answers are given, one after the other; it counts the questions."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        """Give the next answer; the last one forever."""
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    """Run an HTTP server on 127.0.0.1."""
    async with serving(HttpServer(REPLIES)) as running:
        yield running


@pytest.mark.parametrize(
    ("reach", "addresses"),
    [
        (Reach.PUBLIC, "93.184.216.34 8.8.8.8 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808"),
        (Reach.PRIVATE, "127.0.0.1 127.8.9.1 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1"),
        (Reach.PRIVATE, "100.64.0.1 ::1 fd12::1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::127.0.0.1"),
        (Reach.PRIVATE, "64:ff9b::7f00:1 2002:7f00:1:: 2002:a00:1::1"),
        (Reach.FORBIDDEN, "0.0.0.0 0.1.2.3 169.254.169.254 169.254.1.1 224.0.0.1 239.255.255.250"),
        (Reach.FORBIDDEN, "240.0.0.1 255.255.255.255 192.0.2.1 198.51.100.7 203.0.113.9"),
        (Reach.FORBIDDEN, "198.18.0.1 192.0.0.192 100.100.100.200 168.63.129.16"),
        (Reach.FORBIDDEN, ":: fe80::1 fec0::1 ff02::1 2001:db8::1 100::1 fd00:ec2::254"),
        (Reach.FORBIDDEN, "::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::"),
    ],
)
def test_addresses_are_judged(reach: Reach, addresses: str) -> None:
    """Public, private and forbidden ranges, in IPv4, IPv6 and IPv4 wrapped in IPv6."""
    found = {address: classify(ip_address(address)) for address in addresses.split()}
    assert found == dict.fromkeys(found, reach)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_changes_nothing(address: IPv4Address) -> None:
    """Whatever holds of an IPv4 address holds of its IPv4-mapped form."""
    assert classify(IPv6Address(f"::ffff:{address}")) is classify(address)


@given(st.ip_addresses(v=4))
def test_what_python_calls_local_is_never_public(address: IPv4Address) -> None:
    """The guard is at least as strict as the standard library."""
    if not address.is_global or address.is_multicast:
        assert classify(address) is not Reach.PUBLIC


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
    ],
)
async def test_private_and_plain_targets_are_refused_by_default(url: str) -> None:
    """However a private address is written, the real resolver's answer is judged."""
    async with guarded_client(EgressPolicy()) as client:
        with pytest.raises(EgressRefused):
            await client.get(url)


async def test_allowing_private_opens_loopback_but_not_metadata(server: HttpServer) -> None:
    """The development setting reaches loopback over http, and still no metadata service."""
    async with guarded_client(OPEN) as client:
        assert (await client.get(server.url)).text == "here"
        for url in ("http://169.254.169.254/", "https://[fe80::1]/", "http://0.0.0.0/"):
            with pytest.raises(EgressRefused):
                await client.get(url)


async def test_plain_http_stays_at_home() -> None:
    """The development setting allows http to private addresses, not to the internet."""
    names = Names(["93.184.216.34"])
    async with guarded_client(OPEN, resolver=names) as client:
        with pytest.raises(EgressRefused, match="https"):
            await client.get("http://shop.example.com/")


async def test_one_bad_address_condemns_the_name(server: HttpServer) -> None:
    """A name that resolves to a public and a private address is refused as a whole."""
    names = Names(["93.184.216.34", "127.0.0.1"])
    async with guarded_client(EgressPolicy(), resolver=names) as client:
        with pytest.raises(EgressRefused):
            await client.get("https://mixed.example.com/")


async def test_rebinding_gains_nothing(server: HttpServer) -> None:
    """The connection goes to the address that was judged; the name is not asked for again."""
    async with serving(HttpServer(REPLIES), host="127.0.0.2", port=server.port) as judged:
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        async with guarded_client(OPEN, resolver=names) as client:
            await client.get(f"http://rebind.example.com:{server.port}/")
    assert names.asked == ["rebind.example.com"]
    assert [len(server.seen), len(judged.seen)] == [0, 1]
    assert judged.seen[0].headers["host"] == f"rebind.example.com:{server.port}"


async def test_rebinding_to_a_private_address_is_refused(server: HttpServer) -> None:
    """Every new connection judges anew: a name that turned private is refused."""
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with guarded_client(OPEN, resolver=names) as client:
        await client.get(f"http://rebind.example.com:{server.port}/")
        with pytest.raises(EgressRefused):
            await client.get(f"http://rebind.example.com:{server.port}/")
    assert len(server.seen) == 1


async def test_http2_is_spoken_with_whom_needs_it(tmp_path: Path) -> None:
    """A request that needs it has a connection that is agreed on in TLS; others have HTTP/1.1."""
    serving_tls, trusting = certificate(tmp_path, "push.example.com")
    serving_tls.set_alpn_protocols(["h2", "http/1.1"])
    async with (
        serving(Http2Server(REPLIES), tls=serving_tls) as modern,
        serving(HttpServer(REPLIES)) as old,
        guarded_client(OPEN, resolver=Names(["127.0.0.1"]), tls=lambda: trusting) as client,
    ):
        for _ in range(2):
            url = f"https://push.example.com:{modern.port}/"
            answer = await client.get(url, extensions={NEEDS_HTTP2: True})
            assert (answer.http_version, answer.text) == ("HTTP/2", "here")
        assert (await client.get(f"{old.url}/")).http_version == "HTTP/1.1"
    assert len(modern.seen) == 2


async def test_a_certificate_is_shown_to_whom_it_is_meant_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other requests to the same server show none; few certificates are kept at once."""
    monkeypatch.setattr(transport, "_MOST_CERTIFICATES", 1)
    server, apps = certify("push.example.com"), [certify("one"), certify("two")]
    tls = serving_as(tmp_path, server)
    tls.set_alpn_protocols(["h2"])
    tls.verify_mode = ssl.CERT_OPTIONAL
    for app in apps:
        tls.load_verify_locations(cadata=app.certificate)
    client = guarded_client(
        OPEN,
        resolver=Names(["127.0.0.1"]),
        tls=lambda: ssl.create_default_context(cadata=server.certificate),
    )
    shown = [ClientCertificate(app.certificate, app.private_key) for app in apps]
    async with serving(Http2Server(REPLIES), tls=tls) as modern, client:
        assert isinstance(modern, Http2Server)
        url = f"https://push.example.com:{modern.port}/"
        for each in (shown[0], None, shown[0], shown[1], None, shown[0]):
            extensions: dict[str, object] = {NEEDS_HTTP2: True, CLIENT_CERTIFICATE: each}
            assert (await client.get(url, extensions=extensions)).text == "here"
    assert modern.shown == ["one", None, "two", "one"]


async def test_a_certificate_that_is_none_is_not_sent(server: HttpServer) -> None:
    """Nobody is called."""
    broken = {CLIENT_CERTIFICATE: ClientCertificate("no", "no")}
    async with guarded_client(OPEN) as client:
        with pytest.raises(EgressRefused, match="certificate"):
            await client.get(server.url, extensions=broken)
    assert server.seen == []


async def test_tls_checks_the_name_and_not_the_address(tmp_path: Path) -> None:
    """TLS asks for the URL's name although the connection was made to an address."""
    serving_tls, trusting = certificate(tmp_path, "hooks.example.com")
    names = Names(["127.0.0.1"])
    async with (
        serving(HttpServer(REPLIES), tls=serving_tls) as secure,
        guarded_client(OPEN, resolver=names, tls=lambda: trusting) as client,
    ):
        answer = await client.get(f"https://hooks.example.com:{secure.port}/")
        assert answer.text == "here"
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://other.example.com:{secure.port}/")
    assert secure.seen[0].headers["host"] == f"hooks.example.com:{secure.port}"


async def test_next_address_is_tried(server: HttpServer) -> None:
    """When the first address does not answer the connection goes to the next."""
    names = Names(["127.0.0.9", "127.0.0.1"])
    async with guarded_client(OPEN, resolver=names) as client:
        assert (await client.get(f"http://two.example.com:{server.port}/")).text == "here"


async def test_redirects_and_cookies_are_not_followed(server: HttpServer) -> None:
    """A redirect is an answer like any other, and no cookie comes back at the next request."""
    async with guarded_client(OPEN) as client:
        assert (await client.get(f"{server.url}/jump")).status_code == 302
        await client.get(server.url)
        await client.get(server.url)
    assert [seen.target for seen in server.seen] == ["/jump", "/", "/"]
    assert all("cookie" not in seen.headers for seen in server.seen)


@pytest.mark.parametrize(
    ("code", "error"),
    [(socket.EAI_NONAME, HostUnresolved), (socket.EAI_AGAIN, httpx.ConnectError)],
)
async def test_unknown_name_and_busy_resolver_differ(code: int, error: type[Exception]) -> None:
    """A name without address is refused; a resolver that is busy is a failure that may pass."""

    async def broken(host: str, port: int) -> list[str]:
        raise socket.gaierror(code, "no")

    async with guarded_client(EgressPolicy(), resolver=broken) as client:
        with pytest.raises(error):
            await client.get("https://gone.example.com/")


async def test_slow_resolver_is_a_timeout() -> None:
    """Resolving counts towards the connect timeout."""

    async def slow(host: str, port: int) -> list[str]:
        await asyncio.sleep(5)
        return []

    async with guarded_client(EgressPolicy(), resolver=slow) as client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.get("https://slow.example.com/", timeout=0.1)


async def test_resolve_lists_each_address_once() -> None:
    """The system's resolver is asked for stream sockets, so that no address comes twice."""
    assert await resolve("127.0.0.1", 443) == ["127.0.0.1"]
