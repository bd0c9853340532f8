"""The shared HTTP call: how answers are judged and how long the wait before a retry is."""

from __future__ import annotations

import asyncio
import zlib

import httpx
import pytest

from domain.deliveries.delivery import DeliveryFailure, Exchange, Refused, Retry
from outbound.http import Answer, call, failure_of, parse_retry_after
from outbound.transport import NEEDS_HTTP2
from tests.providers.contract import NOW, open_context
from tests.providers.servers import Http2Server, HttpServer, reply, serving


def answer(code: int, **headers: str) -> Answer:
    """Make an answer without a call."""
    return Answer(code, httpx.Headers(headers), b"{}", Exchange("Vendor", {}))


@pytest.mark.parametrize(
    ("codes", "failure"),
    [
        ((408, 425, 429, 500, 502, 503, 504, 599), Retry),
        ((400, 401, 403, 404, 405, 413, 422), Refused),
        ((302, 402, 418), Refused),
    ],
)
def test_codes_are_judged(codes: tuple[int, ...], failure: type[DeliveryFailure]) -> None:
    """Vendors' APIs: 408, 425, 429 and 5xx are retried, everything else is final."""
    assert {type(failure_of(answer(code), now=NOW)) for code in codes} == {failure}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("999999999999999999999", 86_400.0),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sun, 01 Mar 2026 12:02:00 -0000", 120.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2099 12:00:00 GMT", 86_400.0),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    """Seconds or an HTTP date, never negative, at most a day; nonsense is no wish."""
    assert parse_retry_after(value, NOW) == seconds


def test_retry_carries_the_wish() -> None:
    """A 429 with `Retry-After` says when to come back."""
    failure = failure_of(answer(429, **{"retry-after": "9"}), now=NOW)
    assert isinstance(failure, Retry)
    assert failure.after == 9.0


@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError])
async def test_broken_connections_are_retried(error: type[httpx.TransportError]) -> None:
    """No answer means another attempt, and the request is logged."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise error("gone")

    client = httpx.AsyncClient(transport=httpx.MockTransport(fail))
    request = httpx.Request("POST", "https://api.example.com/v1?key=s3cr3t")
    async with open_context(client=client) as context:
        with pytest.raises(Retry) as caught:
            await call(context.http, request, service_name="Vendor", timeout=1.0)
    assert caught.value.exchange is not None
    assert caught.value.exchange.request["query"] == "key=[redacted]"
    assert caught.value.exchange.response is None


def _push(server: HttpServer) -> httpx.Request:
    return httpx.Request("POST", f"{server.url}/x", json={}, extensions={NEEDS_HTTP2: True})


async def test_a_silent_connection_of_http2_is_left() -> None:
    """After a time-out the next request has another connection, which answers."""
    server = Http2Server({"/x": reply(200)}, most_streams=1)
    async with serving(server), open_context() as context:
        await call(context.http, _push(server), service_name="Vendor", timeout=5.0)
        server.silent = 1
        with pytest.raises(Retry, match="in time"):
            await call(context.http, _push(server), service_name="Vendor", timeout=0.3)
        got = await call(context.http, _push(server), service_name="Vendor", timeout=5.0)
    assert (got.status_code, server.connections) == (200, 2)


async def test_a_connection_that_is_full_of_what_was_given_up_is_left() -> None:
    """The request is retried, and then has another connection; it is not malformed."""
    server = Http2Server({"/x": reply(200)}, most_streams=1)
    async with serving(server), open_context() as context:
        await call(context.http, _push(server), service_name="Vendor", timeout=5.0)
        server.silent = 1
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await call(context.http, _push(server), service_name="Vendor", timeout=5.0)
        with pytest.raises(Retry):
            await call(context.http, _push(server), service_name="Vendor", timeout=5.0)
        got = await call(context.http, _push(server), service_name="Vendor", timeout=5.0)
    assert (got.status_code, server.connections) == (200, 2)


async def test_what_cannot_be_sent_is_refused() -> None:
    """A request that no HTTP/1.1 can write would be the same next time."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.LocalProtocolError("Illegal header value")

    client = httpx.AsyncClient(transport=httpx.MockTransport(fail))
    request = httpx.Request("POST", "https://api.example.com/")
    async with open_context(client=client) as context:
        with pytest.raises(Refused, match="malformed"):
            await call(context.http, request, service_name="Vendor", timeout=1.0)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", lambda raw: zlib.compress(raw, wbits=31)),
        ("deflate", zlib.compress),
        ("deflate", lambda raw: zlib.compress(raw, wbits=-15)),
        ("identity", lambda raw: raw),
    ],
)
async def test_encoded_answers_are_read(encoding: str, pack: object) -> None:
    """Answers may be compressed in the ways that we say we accept."""
    packed = pack(b'{"id": "42"}')  # type: ignore[operator]

    def respond(request: httpx.Request) -> httpx.Response:
        stream = httpx.ByteStream(packed)
        return httpx.Response(200, headers={"content-encoding": encoding}, stream=stream)

    client = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    async with open_context(client=client) as context:
        request = httpx.Request("POST", "https://api.example.com/")
        got = await call(context.http, request, service_name="Vendor", timeout=1.0)
    assert got.json() == {"id": "42"}
    assert got.exchange.response is not None
    assert got.exchange.response["body"] == {"id": "42"}
