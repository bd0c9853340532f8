"""What delivery logs must not show, and what they could not store."""

from __future__ import annotations

import json

import httpx
import pytest
from pydantic import BaseModel, SecretStr

from providers.redaction import REDACTED, Redactor, is_sensitive, secret_values, storable


@pytest.mark.parametrize(
    "name",
    [
        *("Authorization", "Proxy-Authorization", "X-Api-Key", "apikey", "api_key", "auth"),
        *("Cookie", "Set-Cookie", "X-Auth-Token", "X-Postmark-Server-Token", "access_token"),
        *("client_secret", "x-webhook-signature", "sig", "key", "password", "X-Amz-Credential"),
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


def test_storable_keeps_ordinary_text() -> None:
    """Only NUL and lone surrogates are replaced."""
    assert storable("grün 😀") == "grün 😀"
    assert storable("a\udcff\x00") == "a?\ufffd"


def test_secret_values_are_those_of_secret_fields() -> None:
    """Only fields of the secret type are taken for secrets."""

    class Settings(BaseModel):
        host: str
        password: SecretStr
        token: SecretStr | None = None

    assert secret_values(Settings(host="h", password=SecretStr("pw"))) == ["pw"]
