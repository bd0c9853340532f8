"""The webhook provider against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery, Misconfigured, Refused, Retry
from domain.messages.statuses import DeliveryStatus
from outbound.egress import EgressPolicy
from outbound.redaction import LOGGED_CHARACTERS
from outbound.transport import guarded_client
from providers.webhook.http import HttpWebhook, WebhookSettings, build_request
from tests.providers.contract import MESSAGE_ID, NOW, ProviderContract, Rig, open_context
from tests.providers.servers import HttpServer, reply, serving, talking

KEY = "whsec-very-secret"
REPLIES = {
    "/ok": reply(200, b'{"received": true}', content_type="application/json"),
    "/created": reply(201),
    "/echo": reply(200, f"you said Bearer tok-abcdef and {KEY}".encode(), set_cookie="sid=abc"),
    "/redirect": reply(302, location="/ok"),
    "/busy": reply(429, retry_after="17"),
    "/later": reply(503, retry_after="Sun, 01 Mar 2026 12:01:30 GMT"),
    "/long": reply(500, b"x" * 200_000),
    "/bomb": reply(500, gzip.compress(b"\x00" * 50_000_000), content_encoding="gzip"),
    "/odd": reply(200, b'{"a": "\\u0000", "b": "\\ud800"}\x00'),
    **{f"/{code}": reply(code) for code in (400, 401, 403, 404, 405, 409, 422, 500, 502)},
}


HOSTILE = {
    "/huge-number": reply(200, b'{"x": 1e999}'),
    "/not-a-number": reply(503, b'{"x": [NaN, -Infinity]}'),
    "/nul": reply(200, b'{"x": "\\u0000\\ud800"}', x_odd="\xff\xfe"),
    "/deep": reply(200, b'{"x": ' * 500 + b"1" + b"}" * 500),
    "/long-json": reply(500, b'{"x": "' + b"y" * 300_000 + b'"}'),
    "/headers": reply(500, **{f"h{n}": "v" * 1_000 for n in range(50)}),
    "/binary": reply(422, bytes(range(256)) * 10),
}
REPLIES |= HOSTILE


def delivery(url: str, **changes: Any) -> Delivery:
    """Make a delivery of a webhook request; keywords replace parts of its content."""
    content = {
        "method": "post",
        "url": url,
        "headers": [{"key": "Authorization", "value": "Bearer tok-abcdef"}],
        "query_params": [],
        "body": '{"hello": "wörld"}',
        **changes,
    }
    return Delivery(MESSAGE_ID, ChannelType.HTTP, content, {"signing_key": KEY}, "ada")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://u:p@Hooks.Example:8443/x?y#z", "hooks.example:8443"),
        ("https://[::1", "http_knock_webhook"),
        ("", ""),
    ],
)
async def test_the_host_of_the_url_is_the_server(
    provider: HttpWebhook, url: str, server: str
) -> None:
    """Deliveries to one host hang together, whatever the credentials in the URL are."""
    assert provider.server(delivery(url)) == server


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    """Run the HTTP server."""
    async with serving(HttpServer(REPLIES)) as running:
        yield running


@pytest.fixture
async def provider() -> AsyncIterator[HttpWebhook]:
    """Bring the provider with a client that may reach loopback."""
    async with open_context() as context:
        yield HttpWebhook(context)


class TestContract(ProviderContract):
    """The contract of all providers."""

    @pytest.fixture
    async def rig(self, server: HttpServer, provider: HttpWebhook) -> Rig:
        """Bring an endpoint that echoes its secrets, and one that fails."""
        return Rig(
            provider,
            delivery(f"{server.url}/echo", query_params=[{"key": "token", "value": "qs-secret"}]),
            failing=delivery(f"{server.url}/500"),
            bad_settings={"signing_key": ["not", "text"]},
            secrets=[KEY, "tok-abcdef", "qs-secret", "sid=abc"],
            hostile=[delivery(f"{server.url}{path}") for path in HOSTILE],
        )


@pytest.mark.parametrize("path", ["/ok", "/created"])
async def test_any_2xx_is_delivered(server: HttpServer, provider: HttpWebhook, path: str) -> None:
    """Knock: a webhook message is delivered on any 2xx."""
    outcome = await provider.send(delivery(server.url + path))
    assert outcome.status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize("code", [401, 403, 404, 405])
async def test_lasting_codes_are_refused(
    server: HttpServer, provider: HttpWebhook, code: int
) -> None:
    """Knock: 401, 403, 404 and 405 are not retried."""
    with pytest.raises(Refused) as caught:
        await provider.send(delivery(f"{server.url}/{code}"))
    assert caught.value.exchange is not None
    assert caught.value.exchange.response is not None
    assert caught.value.exchange.response["status"] == code


@pytest.mark.parametrize("path", ["/400", "/409", "/422", "/500", "/502", "/redirect"])
async def test_all_other_codes_are_retried(
    server: HttpServer, provider: HttpWebhook, path: str
) -> None:
    """Knock: everything else is retried; a redirect is not followed."""
    with pytest.raises(Retry):
        await provider.send(delivery(server.url + path))
    assert [seen.target for seen in server.seen] == [path]


@pytest.mark.parametrize(("path", "after"), [("/busy", 17.0), ("/later", 90.0), ("/500", None)])
async def test_retry_after_is_honoured(
    server: HttpServer, provider: HttpWebhook, path: str, after: float | None
) -> None:
    """`Retry-After` in seconds or as a date becomes the wait before the next attempt."""
    with pytest.raises(Retry) as caught:
        await provider.send(delivery(server.url + path))
    assert caught.value.after == after


async def test_slow_endpoint_is_retried() -> None:
    """An endpoint that does not answer within the timeout is tried again."""
    async with (
        serving(HttpServer(REPLIES, delay=1.0)) as slow,
        open_context(timeout=0.2) as context,
    ):
        with pytest.raises(Retry) as caught:
            await HttpWebhook(context).send(delivery(f"{slow.url}/ok"))
    assert "in time" in caught.value.reason


@pytest.mark.parametrize("head", [b"content-length: 1000", b"transfer-encoding: chunked"])
async def test_answer_that_never_ends_is_cut_at_the_timeout(head: bytes) -> None:
    """The timeout bounds the whole answer, not each byte; the status has come and counts."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 X\r\n" + head + b"\r\n\r\n")
        while True:
            writer.write(b"1\r\n.\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with talking(trickle) as port, open_context(timeout=0.3) as context:
        outcome = await HttpWebhook(context).send(delivery(f"http://127.0.0.1:{port}/"))
    assert outcome.status is DeliveryStatus.DELIVERED


@pytest.mark.parametrize(
    "rest",
    [
        b"content-length: 1000\r\n\r\nshort",
        b"transfer-encoding: chunked\r\n\r\nZZ\r\nnot a chunk",
        b"transfer-encoding: chunked\r\n\r\n5\r\nhel",
        b"content-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
    ],
)
@pytest.mark.parametrize("code", [200, 503])
async def test_status_counts_when_the_body_is_broken(rest: bytes, code: int) -> None:
    """A 2xx is delivered, and nothing is sent twice, however badly the rest of the answer ends."""
    calls = 0

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {code} X\r\n".encode() + rest)

    async with talking(break_off) as port, open_context() as context:
        sent = HttpWebhook(context).send(delivery(f"http://127.0.0.1:{port}/"))
        if code == 200:
            assert (await sent).status is DeliveryStatus.DELIVERED
        else:
            with pytest.raises(Retry, match="503"):
                await sent
    assert calls == 1


@pytest.mark.parametrize(
    ("host", "allowed", "is_sent"),
    [
        ("127.0.0.1", None, True),
        ("127.0.0.1", [], True),
        ("127.0.0.1", ["127.0.0.1"], True),
        ("LOCALHOST", ["localhost"], True),
        ("127.0.0.1", ["example.com"], False),
        ("127.0.0.1", ["*.0.0.1"], True),
        ("a.example.com", ["*.example.com"], None),
        ("example.com", ["*.example.com"], False),
        ("evilexample.com", ["*.example.com", "example.com"], False),
        ("example.com@127.0.0.1", ["example.com"], False),
    ],
)
async def test_signed_requests_go_to_allowed_hosts_only(
    server: HttpServer, host: str, allowed: list[str] | None, is_sent: bool | None
) -> None:
    """A URL that data can steer reaches no other host than those the channel names."""
    settings = {"signing_key": KEY, "allowed_hosts": allowed}
    sent = replace(delivery(f"http://{host}:{server.port}/ok"), settings=settings)
    if is_sent is None:
        build_request(sent, WebhookSettings.model_validate(settings), NOW)
        return
    async with open_context() as context:
        if is_sent:
            await HttpWebhook(context).send(sent)
        else:
            with pytest.raises(Refused, match="allowed_hosts"):
                await HttpWebhook(context).send(sent)
    assert len(server.seen) == is_sent


async def test_closed_port_is_retried(server: HttpServer, provider: HttpWebhook) -> None:
    """A server that is down may come back."""
    with pytest.raises(Retry):
        await provider.send(delivery("http://127.0.0.1:1/"))


@pytest.mark.parametrize(
    "url",
    ["", "not a url", "/path", "https://", "https://[::1", "ftp://example.com/", "https://a b/"],
)
async def test_malformed_url_is_refused(provider: HttpWebhook, url: str) -> None:
    """Knock: a malformed or non-http URL fails at once."""
    with pytest.raises(Refused):
        await provider.send(delivery(url))


async def test_plain_http_and_private_targets_are_refused(server: HttpServer) -> None:
    """Without the development setting neither http nor a loopback address is reached."""
    async with open_context(client=guarded_client(EgressPolicy())) as context:
        provider = HttpWebhook(context)
        for url in (server.url, f"https://127.0.0.1:{server.port}/", "http://example.com/"):
            with pytest.raises(Refused):
                await provider.send(delivery(url))
    assert server.seen == []


async def test_unresolvable_host_is_refused() -> None:
    """Knock: a host without an address fails at once."""
    import socket

    async def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    client = guarded_client(EgressPolicy(), resolver=nowhere)
    async with open_context(client=client) as context:
        with pytest.raises(Refused, match="cannot be resolved"):
            await HttpWebhook(context).send(delivery("https://gone.example.com/"))


async def test_request_arrives_as_rendered(server: HttpServer, provider: HttpWebhook) -> None:
    """Method, query, headers and body are sent as the template rendered them, plus our own."""
    await provider.send(
        delivery(
            f"{server.url}/ok?a=1",
            method="put",
            headers=[{"key": "X-One", "value": "1\r\nX-Two: 2"}, {"key": "Host", "value": "evil"}],
            query_params=[{"key": "b", "value": "x y&z"}],
        )
    )
    seen = server.seen[0]
    assert (seen.method, seen.target) == ("PUT", "/ok?a=1&b=x+y%26z")
    assert seen.headers["x-one"] == "1 X-Two: 2"
    assert "x-two" not in seen.headers
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["idempotency-key"] == MESSAGE_ID
    assert seen.body.decode() == '{"hello": "wörld"}'


async def test_headers_of_the_template_win(server: HttpServer, provider: HttpWebhook) -> None:
    """Our content type and idempotency key only fill what the template left out."""
    headers = [
        {"key": "Content-Type", "value": "application/vnd.x+json"},
        {"key": "Idempotency-Key", "value": "mine"},
    ]
    await provider.send(delivery(f"{server.url}/ok", headers=headers))
    assert server.seen[0].headers["content-type"] == "application/vnd.x+json"
    assert server.seen[0].headers["idempotency-key"] == "mine"


async def test_get_has_no_body_and_text_no_json_type(
    server: HttpServer, provider: HttpWebhook
) -> None:
    """GET carries no body; a body that is not JSON is not called JSON."""
    await provider.send(delivery(f"{server.url}/ok", method="get"))
    await provider.send(delivery(f"{server.url}/ok", body="plain text"))
    assert server.seen[0].body == b""
    assert all("content-type" not in seen.headers for seen in server.seen)


async def test_signature_can_be_verified(server: HttpServer, provider: HttpWebhook) -> None:
    """The receiver recomputes HMAC-SHA256 over `<ms>.<body>` and finds the header's value."""
    await provider.send(delivery(f"{server.url}/ok"))
    seen = server.seen[0]
    stamp, signature = seen.headers["x-webhook-signature"].split(",", 1)
    assert stamp == f"t={int(NOW.timestamp() * 1000)}"
    signed = stamp.removeprefix("t=").encode() + b"." + seen.body
    digest = hmac.new(KEY.encode(), signed, hashlib.sha256).digest()
    assert signature == "s=" + base64.b64encode(digest).decode()


async def test_without_key_nothing_is_signed(server: HttpServer, provider: HttpWebhook) -> None:
    """The signing key is optional."""
    await provider.send(replace(delivery(f"{server.url}/ok"), settings={}))
    assert "x-webhook-signature" not in server.seen[0].headers


async def test_empty_key_sends_nothing(server: HttpServer, provider: HttpWebhook) -> None:
    """Knock: when the signing key renders to nothing the request is not made."""
    with pytest.raises(Misconfigured):
        await provider.send(replace(delivery(f"{server.url}/ok"), settings={"signing_key": " "}))
    assert server.seen == []


async def test_log_keeps_at_most_64_kilobytes(server: HttpServer, provider: HttpWebhook) -> None:
    """Neither a long answer nor a compressed bomb fills the log."""
    for path in ("/long", "/bomb"):
        with pytest.raises(Retry) as caught:
            await provider.send(delivery(server.url + path))
        assert caught.value.exchange is not None
        assert caught.value.exchange.response is not None
        assert len(caught.value.exchange.response["body"]) == LOGGED_CHARACTERS


async def test_log_holds_only_what_postgresql_takes(
    server: HttpServer, provider: HttpWebhook
) -> None:
    """NUL and lone surrogates of an answer do not reach the log as such."""
    outcome = await provider.send(delivery(f"{server.url}/odd"))
    assert outcome.exchange is not None
    text = json.dumps(outcome.exchange.response, ensure_ascii=False)
    assert "\x00" not in text
    assert text.encode()
    assert isinstance(outcome.exchange.response, dict)
    assert isinstance(outcome.exchange.response["body"], str)
