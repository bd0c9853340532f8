"""`Idempotency-Key` as HTTP sees it: length, digest of the request, headers of a replay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from fastapi import Request

from api.kit.parameters import Param
from domain.kit.errors import IdempotencyKeyRefused
from domain.kit.json_types import JsonObject
from domain.triggers.idempotency import MAX_KEY_LENGTH, IdempotencyClaim

# What the document of a route says that reads a claim.
IDEMPOTENCY_HEADERS = {
    "Idempotency-Key": Param(
        "Identifies the request for 24 hours: the same request with the same key is executed "
        "once, and gets the same answer.",
        {"type": "string", "maxLength": MAX_KEY_LENGTH},
    )
}


def request_id_of(request: Request) -> str:
    """Return the id of this request."""
    found: str = request.state.request_id
    return found


def read_claim(request: Request, body: JsonObject) -> IdempotencyClaim | None:
    """Return the claim that a request makes, or None without the header.

    Raises:
        IdempotencyKeyRefused: `idempotency_key_too_long`.
    """
    key = request.headers.get("idempotency-key")
    if not key:
        return None
    if len(key) > MAX_KEY_LENGTH:
        too_long = "idempotency_key_too_long"
        raise IdempotencyKeyRefused(
            f"Idempotency-Key must have at most {MAX_KEY_LENGTH} characters.",
            code=too_long,
            error=too_long,
        )
    path = f"{request.method} {request.scope['path']}"
    # The decoded body counts, so spaces and the order of members do not.
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    digest = hashlib.sha256(path.encode())
    branch = request.headers.get("x-knock-branch", "").encode()
    for part in (request.scope["query_string"], canonical.encode(), *filter(None, [branch])):
        digest.update(b"\x00" + part)
    return IdempotencyClaim(key, path, digest.digest(), request_id_of(request))


def replay_headers(stored: Mapping[str, str], request_id: str) -> dict[str, str]:
    """Return the headers of an answer that is given again; it was first given to `request_id`."""
    return {**stored, "idempotent-replayed": "true", "original-x-request-id": request_id}
