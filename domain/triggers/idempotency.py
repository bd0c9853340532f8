"""What makes two requests with one `Idempotency-Key` the same (Knock docs: "Idempotent requests").

A claim is taken in the transaction that does the work, so a failed request leaves the key free.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from domain.kit.json_types import JsonObject

MAX_KEY_LENGTH = 255
WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A request's claim to a key.

    Attributes:
        key: the caller's `Idempotency-Key`.
        path: method and path; keys of different operations are different keys.
        digest: SHA-256 over method, path, query, decoded body, and the branch if one is named.
        request_id: `x-request-id` of this request.
    """

    key: str
    path: str
    digest: bytes
    request_id: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer that is given again, and the id of the request that it was first given to."""

    status_code: int
    body: JsonObject
    request_id: str
    headers: dict[str, str] = field(default_factory=dict)
