"""A customer's own system on loopback: answers each path by a script, and keeps what it got."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One request as the target got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the decoded body."""
        return json.loads(self.body)

    def is_signed_with(self, key: str) -> bool:
        """Tell whether `x-webhook-signature` is `t=<ms>,s=<base64 HMAC-SHA256 of "<ms>.<body>">`.

        Written out here on purpose: a customer would not use our code to check it.
        """
        stamp, signature = self.headers["x-webhook-signature"].split(",", 1)
        signed = stamp.removeprefix("t=").encode() + b"." + self.body
        expected = base64.b64encode(hmac.digest(key.encode(), signed, hashlib.sha256)).decode()
        return hmac.compare_digest(signature, f"s={expected}")


@dataclass(slots=True)
class Target:
    """Where webhook and fetch steps call; a path without a script answers 200, and "ok"."""

    url: str = ""
    scripts: dict[str, list[int]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def to(self, path: str) -> list[Call]:
        """Return the calls of a path, in order."""
        return [call for call in self.calls if call.path == path]

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one request and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.calls.append(Call(method, path, headers, body))
        script = self.scripts.get(path)
        code = script.pop(0) if script else 200
        answer = self.bodies.get(path, b"ok")
        head_out = (
            f"HTTP/1.1 {code} X\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n"
        )
        writer.write(head_out.encode() + answer)
        writer.close()


@asynccontextmanager
async def listening_target() -> AsyncIterator[Target]:
    """Run a target on a free loopback port while the block runs."""
    target = Target()
    server = await asyncio.start_server(target.handle, "127.0.0.1", 0)
    target.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield target
    finally:
        server.close()
