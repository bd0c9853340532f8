"""Be called by a webhook step: a small HTTP server, and the trigger that makes it ring.

    export KNOCK_BASE_URL=http://127.0.0.1:8000 KNOCK_API_KEY=sk_…
    python examples/webhook_target.py

`invoice-paid` sends a receipt by e-mail and calls `data.webhook_url`. A stack that may not reach
loopback needs CARILLON_ALLOW_PRIVATE_EGRESS=true; `make dev` allows it.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

from knockapi import Knock


class Target(BaseHTTPRequestHandler):
    """Keeps the body of a call and answers 204."""

    calls: ClassVar[list[dict[str, Any]]] = []
    rang = threading.Event()

    def do_POST(self) -> None:
        """Take one call. `idempotency-key` names the message, so a repeated call can be told."""
        length = int(self.headers.get("content-length", 0))
        self.calls.append(json.loads(self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()
        self.rang.set()


def main() -> None:
    """Listen, trigger, and print what came."""
    server = HTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Knock().workflows.trigger(
        "invoice-paid",
        recipients=[{"id": "example-ada", "name": "Ada", "email": "ada@example.com"}],
        data={
            "invoice_number": "2026-0042",
            "amount": "49.00 EUR",
            "webhook_url": f"http://127.0.0.1:{server.server_port}/invoices",
        },
    )
    if not Target.rang.wait(timeout=30):
        raise SystemExit("The webhook was not called within 30 s.")
    server.shutdown()
    print("called with", json.dumps(Target.calls[0]))


if __name__ == "__main__":
    main()
