"""What delivery logs must not show, and what they could not store."""

from __future__ import annotations

import base64
import json

import httpx
import pytest

from outbound.redaction import REDACTED, Redactor, is_sensitive


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "Proxy-Authorization", "X-Api-Key", "apikey", "api_key", "auth"),
        *("Cookie", "Set-Cookie", "X-Auth-Token", "X-Postmark-Server-Token", "access_token"),
        *("client_secret", "x-webhook-signature", "sig", "key", "password", "X-Amz-Credential"),
        *(" key", "key\u00a0", "SIG "),
    ],
)
def test_names_that_hold_secrets(name: str) -> None:
    """Headers and parameters of these names are blanked whatever they hold."""
    assert is_sensitive(name)


@pytest.mark.parametrize(
    "name", ["content-type", "idempotency-key", "author", "x-request-id", "keyboard", "message-id"]
)
def test_names_that_hold_none(name: str) -> None:
    """Ordinary names stay readable, the idempotency key among them."""
    assert not is_sensitive(name)


def test_secret_is_blanked_in_every_spelling() -> None:
    """A secret is found as it is, in a URL, in a form and inside JSON."""
    secret = 'p/ss "w+rd" ü'
    redactor = Redactor([secret])
    spellings = [secret, json.dumps(secret), httpx.QueryParams({"a": secret}).__str__()]
    for text in spellings:
        shown = redactor.text(text)
        assert REDACTED in shown
        assert "w" not in shown.replace(REDACTED, "")


def test_longer_secret_leaves_no_remains() -> None:
    """A secret that begins with another is blanked whole."""
    assert Redactor(["abcd", "abcdefgh"]).text("x abcdefgh y") == f"x {REDACTED} y"


def test_short_values_and_no_secrets_blank_nothing() -> None:
    """An empty or tiny secret does not eat the text."""
    assert Redactor(["", "a"]).text("a banana") == "a banana"


def test_request_with_secrets_in_header_and_query() -> None:
    """Values of sensitive names are blanked where they stand and where the answer echoes them."""
    request = httpx.Request(
        "GET",
        "https://api.example.com/x?token=tok%2F12345&page=2",
        headers={"authorization": "Bearer abcdef123", "accept": "*/*"},
    )
    redactor = Redactor.of_request(request)
    assert redactor.query(request.url) == "token=[redacted]&page=2"
    assert redactor.headers(request.headers)["authorization"] == REDACTED
    assert redactor.headers(request.headers)["accept"] == "*/*"
    echoed = redactor.text("got abcdef123 and tok/12345")
    assert echoed == f"got {REDACTED} and {REDACTED}"


@pytest.mark.parametrize(
    ("raw", "logged"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b"[1]", "[1]"),
        (b"", ""),
        (b"\xff", "\ufffd"),
        (b"a\x00b", "a\ufffdb"),
        (b'{"a": NaN}', '{"a": NaN}'),
        (b'{"a": "\\u0000"}', '{"a": "\\u0000"}'),
        (b'{"a": "\\ud800"}', '{"a": "\\ud800"}'),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
    ],
)
def test_bodies_are_objects_or_text(raw: bytes, logged: object) -> None:
    """A JSON object is logged as such; everything else, and what cannot be stored, as text."""
    assert Redactor().body(raw) == logged


def test_deep_json_is_text() -> None:
    """A body nested beyond the parser's depth is logged and breaks nothing."""
    raw = b'{"a":' * 10_000
    assert Redactor().body(raw) == raw.decode()


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_numbers_that_are_not_finite_are_text(number: str) -> None:
    """JSON with such a number is logged in the spelling it came in."""
    raw = f'{{"a": [{number}]}}'
    assert Redactor().body(raw.encode()) == raw


def test_secret_behind_an_escape_is_blanked() -> None:
    """A JSON answer cannot bring a secret back by spelling it in escapes."""
    body = Redactor(["hunter2"]).body(b'{"a": ["\\u0068unter2"], "\\u0068unter2": 1}')
    assert body == {"a": [REDACTED], REDACTED: 1}


def test_credentials_in_the_url_are_blanked() -> None:
    """A password in the URL goes out as basic authentication; an echo of it is blanked."""
    request = httpx.Request("GET", "https://me:p%40ss-word@api.example.com/x")
    basic = base64.b64encode(b"me:p@ss-word").decode()
    assert Redactor.of_request(request).text(f"{basic} p@ss-word") == f"{REDACTED} {REDACTED}"
