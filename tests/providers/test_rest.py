"""What providers with an HTTP API share: reading odd answers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from providers.aws import sign_request
from providers.rest import RestSettings, text_at
from tests.providers.contract import NOW


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("a", 0, "b"), "x"),
        (("n",), "5"),
        (("a", 1), None),
        (("a", "b"), None),
        (("n", "x"), None),
        (("t",), None),
        (("f",), None),
    ],
)
def test_text_is_found_at_a_path(path: Any, found: str | None) -> None:
    """What is not there, or is no text, is None; nothing raises."""
    assert text_at({"a": [{"b": "x"}], "n": 5, "t": True, "f": {}}, *path) == found


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "api.example.com",
        "https://x/?a=1",
        "https://[::1",
        "https://",
        "https:///x",
        "https://x:99999999",
        5,
    ],
)
def test_base_urls(url: Any) -> None:
    """It is an address over HTTP, to which paths are added."""
    with pytest.raises(ValidationError):
        RestSettings(base_url=url)
    assert RestSettings(base_url="https://x/").base_url == "https://x"


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_signature_version_4(method: str, signature: str) -> None:
    """AWS's test suite: get-vanilla and post-vanilla."""
    request = httpx.Request(method, "https://example.amazonaws.com/")
    signed = sign_request(
        request,
        access_key_id="AKIDEXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        session_token=None,
        region="us-east-1",
        service="service",
        now=NOW.replace(year=2015, month=8, day=30, hour=12, minute=36),
    )
    assert signed.headers["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )
