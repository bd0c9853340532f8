"""Writes and signs the requests that customers describe: of webhooks and of fetch steps."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime

import httpx

from domain.deliveries.delivery import Refused
from domain.kit.http_requests import HttpContent

# Fetch steps and webhooks are signed for receivers who know Knock's signature.
SIGNATURE_HEADER = "x-knock-signature"

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
# They belong to the connection and its framing, not to the author of a template.
_CONNECTION_HEADERS = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"}
    | {"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)


def write_request(content: HttpContent, defaults: Mapping[str, str]) -> httpx.Request:
    """Write a rendered request.

    Args:
        content: what its author wrote.
        defaults: headers for where the author named none.

    Raises:
        Refused: its URL or the name of a header is malformed.
    """
    method = content["method"].upper()
    body = b"" if method == "GET" else content["body"].encode()
    headers = _headers(content)
    for name, value in defaults.items():
        headers.setdefault(name, value)
    headers.setdefault("user-agent", "Carillon")
    if body and _is_json(body):
        headers.setdefault("content-type", "application/json")
    try:
        url = httpx.URL(content["url"].strip())
        for pair in content["query_params"]:
            url = url.copy_add_param(pair["key"], pair["value"])
    except httpx.InvalidURL:
        raise Refused("The URL is malformed.") from None
    if not url.is_absolute_url:
        raise Refused("The URL is malformed: it has no scheme or host.")
    return httpx.Request(method, url, headers=headers, content=body or None)


def sign(key: str, body: bytes, now: datetime) -> str:
    """Make the value of a signature header: `t=<ms>,s=<base64 HMAC-SHA256 of "<ms>.<body>">`."""
    milliseconds = int(now.timestamp() * 1000)
    signed = f"{milliseconds}.".encode() + body
    digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return f"t={milliseconds},s={base64.b64encode(digest).decode()}"


def _headers(content: HttpContent) -> httpx.Headers:
    pairs: list[tuple[bytes, bytes]] = []
    for pair in content["headers"]:
        name = pair["key"].strip()
        if not name or name.lower() in _CONNECTION_HEADERS:
            continue
        if not _HEADER_NAME.fullmatch(name):
            raise Refused("The request has a header whose name is malformed.")
        # Rendered text may hold line ends; a header may not.
        pairs.append((name.encode(), _CONTROL.sub(" ", pair["value"]).strip().encode()))
    return httpx.Headers(pairs)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
